from . import account, agreements, automatic, home, payment, settle
