"""Files of lines: JSON lines and listings."""


def lines_of(content: bytes, errors: str = "strict") -> list[str]:
    r"""The lines of a UTF-8 file, with or without a byte order mark.

    A line ends at `\n` (before it `\r`) alone: U+2028, U+0085 and others that `str.splitlines`
    takes for an end stand in texts. Raises UnicodeDecodeError, unless `errors` is `replace`.
    """
    text = content.decode("utf-8-sig", errors)
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
