"""The status page of a repeat follows the first ticket; the cluster can be read by agents."""
