"""Composing messages: recheck, item tables, layout, notification, mail queued; all but sending."""

from .clock import timed

MESSAGES = 500
BATCH = 100


def compose(env):
    """Make the notices of the day and compose some of their e-mails, in the job's batches.

    :return: dict of ``messages``, ``notifications``, ``items`` named, and times of all together
    """
    env["collection.run"]._cron_run()
    notices = env["collection.notice"].search(
        [("state", "=", "ready"), ("channel_id.code", "=", "email")],
        order="id",
        limit=MESSAGES + BATCH,
    )
    env.cr.commit()
    _compose(env, notices[:BATCH])  # warms up: templates are compiled once
    mails, taken = timed(env, _compose, env, notices[BATCH:])
    messages = mails.mail_message_id
    return {
        "messages": len(mails),
        "notifications": env["mail.notification"].search_count(
            [("mail_message_id", "in", messages.ids)]
        ),
        "items": len(notices[BATCH:].line_ids),
        **taken,
    }


def _compose(env, notices):
    run = env["collection.run"]
    mails = env["mail.mail"]
    for start in range(0, len(notices), BATCH):
        mails |= run._compose_locked(notices[start : start + BATCH])
        env.cr.commit()
        env.invalidate_all()
    return mails
