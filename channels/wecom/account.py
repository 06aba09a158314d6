"""What the console of WeCom (企业微信管理后台) tells of company and app, and we have to know."""

from pydantic import BaseModel, ConfigDict, Field


class WeComAccount(BaseModel):
    """One app of one company; nothing of it that is secret shows in its `repr`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    corp_id: str = Field(min_length=1, title="the company's id")
    agent_id: int = Field(ge=0, title="AgentId of the app")
    secret: str = Field(min_length=16, repr=False, title="Secret of the app")
    token: str = Field(pattern="^[A-Za-z0-9]{3,32}$", repr=False, title="Token of the callback")
    aes_key: str = Field(pattern="^[A-Za-z0-9]{43}$", repr=False, title="EncodingAESKey")
    api: str = Field("https://qyapi.weixin.qq.com", pattern="^https?://[^?#]+$", title="the API")
