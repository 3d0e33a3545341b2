from . import test_access
from . import test_pages
from . import test_payment
from . import test_requests
