"""WeCom (企业微信): what members send to our app, and what they are told."""
