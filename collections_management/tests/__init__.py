from . import test_export
from . import test_decision
from . import test_ladder
from . import test_ledger
from . import test_notice
from . import test_notice_content
