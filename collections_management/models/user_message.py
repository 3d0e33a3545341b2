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
            "next": _complete(then)
            if then
            else {"type": "ir.actions.client", "tag": "soft_reload"},
        },
    }


def _complete(action):
    """Return an action with its views: the server completes only the one that it returns itself."""
    if action["type"] != "ir.actions.act_window" or action.get("views"):
        return action
    modes = action["view_mode"].split(",")
    views = [(action.get("view_id") or False, mode) for mode in modes[:1]]
    return {**action, "views": views + [(False, mode) for mode in modes[1:]]}
