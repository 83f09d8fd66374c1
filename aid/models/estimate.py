"""How many tokens a text is at most, where no tokenizer can be asked. Pure."""


def estimated_tokens(text: str) -> int:
    """An upper estimate: a token for every three bytes of UTF-8, rounded up."""
    return (len(text.encode("utf-8", "surrogatepass")) + 2) // 3
