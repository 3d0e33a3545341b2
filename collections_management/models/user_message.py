"""What a person is told after pressing a button on many records."""

NAMED = 8  # sentences that are shown one by one; the others are counted


def notification(env, sentences, title=None, kind="warning", then=None):
    """Return the action that shows some sentences, one a line, and goes on with another action.

    :param sentences: list of str
    :param str kind: ``success``, ``info``, ``warning`` (it stays until it is closed) or ``danger``
    :param dict then: the action that follows; default: look at the list again
    """
    lines = sentences[:NAMED]
    if more := len(sentences) - len(lines):
        lines.append(env._("and %s more", more))
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "title": title,
            "message": "\n".join(lines),
            "className": "o_collection_lines",
            "type": kind,
            "sticky": kind == "warning",
            "next": then or {"type": "ir.actions.client", "tag": "soft_reload"},
        },
    }
