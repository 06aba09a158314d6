"""The generic signed webhook: mini-programs, a district's own app, the call centre's robot."""
