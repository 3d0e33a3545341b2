from . import (
    test_access,
    test_agreements,
    test_automatic,
    test_journeys,
    test_matrix,
    test_overdue,
    test_pages,
    test_payment,
    test_requests,
)
