"""How much memory the job takes."""

import resource


def whole_job(env, smtp_port, deliveries):
    """Decide for everyone, then compose and send messages, in this process.

    :param int smtp_port: of a mail server on 127.0.0.1
    :param int deliveries: stop when so many notices were delivered
    :return: dict of ``before`` and ``peak`` in MiB, ``notices`` made, ``delivered``
    """
    env["ir.mail_server"].search([]).active = False
    env["ir.mail_server"].create(
        {"name": "Benchmark", "smtp_host": "127.0.0.1", "smtp_port": smtp_port}
    )
    env.cr.commit()
    before = get_peak()
    env["collection.run"]._cron_run()
    decided = get_peak()
    delivered = _deliver(env, deliveries)
    return {
        "before": before,
        "decided": decided,
        "peak": get_peak(),
        "delivered": delivered,
        "notices": env["collection.notice"].search_count([]),
    }


def _deliver(env, deliveries):
    """Deliver as the job does; it stops as when its time is over."""
    cron = type(env["ir.cron"])
    original = cron._commit_progress
    delivered = 0

    def commit_progress(self, processed=0, **options):
        nonlocal delivered
        delivered += processed
        return original(self, processed, **options) if delivered < deliveries else 0

    cron._commit_progress = commit_progress
    try:
        env["collection.run"]._cron_deliver()
    finally:
        cron._commit_progress = original
    env.cr.commit()
    return delivered


def get_peak():
    """Return the greatest resident size so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
