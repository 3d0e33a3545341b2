from . import account, agreements, home, payment, settle
