"""Any LangChain chat model by options: an OpenAI-compatible server, or a provider's own package.

With ``base_url`` the model answers behind an OpenAI-compatible address, as vLLM, Ollama, llama.cpp and Yandex Cloud
offer it; the key comes from ``OPENAI_API_KEY``, and a local server needs none. Without it the model is named
``"provider:name"`` as ``langchain.chat_models.init_chat_model`` takes it, or ``"gigachat:GigaChat-2"``.

=========  ==========================================  ============================================================
Service    Options                                     Needs
=========  ==========================================  ============================================================
vLLM       ``base_url="http://127.0.0.1:8000/v1"``     extra ``chat``
Ollama     ``base_url="http://127.0.0.1:11434/v1"``    extra ``chat``
llama.cpp  ``base_url="http://127.0.0.1:8081/v1"``     extra ``chat``
GigaChat   ``model="gigachat:GigaChat-2"``             ``pip install langchain-gigachat``; ``GIGACHAT_CREDENTIALS``
YandexGPT  ``model="gpt://FOLDER/yandexgpt/latest"``,  extra ``chat``; an API key in ``OPENAI_API_KEY``. Of the
           ``base_url="https://llm.api.cloud.yandex…   LangChain packages for it (yandex-chain) none has followed
           .net/v1"``                                  LangChain to version 1.
=========  ==========================================  ============================================================
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from generators.failures import Served
from generators.options import GeneratorOptions
from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_FEATURE = "a chat model"
_NO_KEY = "none"  # servers without keys take any, and the client insists on one
_KEYS = {"gigachat": "GIGACHAT_CREDENTIALS"}


def load_chat_model(options: GeneratorOptions) -> BaseChatModel:
    """The chat model that ``options`` name; nothing is asked of the server yet.

    Raises:
        InputError: without ``base_url`` the model names no provider.
        MissingExtraError: the extra ``chat`` is not installed.
        ModelUnavailableError: the provider's package or key is missing; the message names it.
    """
    if options.base_url is not None:
        return _served(options)
    provider, separator, name = str(options.model).partition(":")
    if not separator or not name:
        raise InputError(
            f"the chat model {options.model!r} names no provider: give a base_url of an OpenAI-compatible server, or "
            "the model as 'provider:name', for example 'openai:gpt-4.1-mini' or 'gigachat:GigaChat-2'"
        )
    if provider == "gigachat":
        return _gigachat(options, name)
    return _provided(options, provider)


def served_by(options: GeneratorOptions) -> Served:
    """Who answers for a model of these options, for messages."""
    provider, separator, _ = str(options.model).partition(":")
    if options.base_url is not None or not separator:
        return Served(str(options.model), options.base_url or "the server", timeout=options.timeout)
    key = _KEYS.get(provider, f"{provider.upper()}_API_KEY")
    return Served(str(options.model), provider, key, options.timeout)


def _served(options: GeneratorOptions) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise MissingExtraError(_FEATURE, "chat") from error
    from pydantic import SecretStr

    model: BaseChatModel = ChatOpenAI(
        model=str(options.model),
        base_url=options.base_url,
        api_key=SecretStr(os.environ.get("OPENAI_API_KEY") or _NO_KEY),
        temperature=options.temperature,
        timeout=options.timeout,
        max_retries=1,
        # Most servers know the old name of this limit only.
        extra_body={"max_tokens": options.max_new_tokens},
    )
    return model


def _provided(options: GeneratorOptions, provider: str) -> BaseChatModel:
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtraError(_FEATURE, "chat") from error
    settings: dict[str, Any] = {
        "temperature": options.temperature,
        "max_tokens": options.max_new_tokens,
        "timeout": options.timeout,
        "max_retries": 1,
    }
    try:
        model: BaseChatModel = init_chat_model(str(options.model), **settings)
    except ImportError as error:
        package = f"langchain-{(error.name or provider).removeprefix('langchain_').replace('_', '-')}"
        raise ModelUnavailableError(
            f"{options.model} needs a package that is not installed; bring it with: pip install {package}"
        ) from error
    except Exception as error:  # noqa: BLE001 - each provider's client raises its own
        raise _not_set_up(options, provider, error) from None
    return model


def _gigachat(options: GeneratorOptions, name: str) -> BaseChatModel:
    if importlib.util.find_spec("langchain_gigachat") is None:
        raise ModelUnavailableError(
            f"{options.model} needs a package that is not installed; bring it with: pip install langchain-gigachat"
        )
    from langchain_gigachat import GigaChat  # type: ignore[import-not-found,unused-ignore]

    try:
        model: BaseChatModel = GigaChat(
            model=name, temperature=options.temperature, max_tokens=options.max_new_tokens, timeout=options.timeout
        )
    except Exception as error:  # noqa: BLE001 - as above
        raise _not_set_up(options, "gigachat", error) from None
    return model


def _not_set_up(options: GeneratorOptions, provider: str, error: Exception) -> Exception:
    """A provider's client refused to be made: most often its key is missing. What it said may quote the key."""
    if isinstance(error, ValueError) and "provider" in str(error).lower():
        return InputError(
            f"{options.model!r} names the provider {provider!r}, which langchain.chat_models.init_chat_model does not "
            "know; a server with an OpenAI-compatible address is named by base_url"
        )
    return ModelUnavailableError(
        f"the client of {options.model} cannot be made ({type(error).__name__}); is {served_by(options).key} set?"
    )
