"""WeChat Official Account (微信公众号): what followers send, and what they are told."""
