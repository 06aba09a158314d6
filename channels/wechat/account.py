"""What the console of the Official Account (微信公众平台) tells, and we have to know."""

from pydantic import BaseModel, ConfigDict, Field


class WeChatAccount(BaseModel):
    """One Official Account; nothing of it that is secret shows in its `repr`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_id: str = Field(min_length=1, title="AppID")
    secret: str = Field(min_length=16, repr=False, title="AppSecret")
    token: str = Field(pattern="^[A-Za-z0-9]{3,32}$", repr=False, title="Token of the callback")
    aes_key: str | None = Field(
        None,
        pattern="^[A-Za-z0-9]{43}$",
        repr=False,
        title="EncodingAESKey; without it messages come in plain",
    )
    api: str = Field("https://api.weixin.qq.com", pattern="^https?://[^?#]+$", title="the API")
