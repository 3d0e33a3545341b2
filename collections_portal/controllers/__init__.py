from . import account, home, payment, settle
