"""What a service's error means, and how little of it is told."""

from __future__ import annotations

import pytest

from tests.chat_faults import Head
from tests.fake_transport import FakeResponse, FakeTransport, _nothing
from voiceserver.engines.providers.services.service_errors import (
    fault_of,
    status_failure,
)


def response(status: int, **headers: str) -> FakeResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return FakeResponse(FakeTransport(), "p", Head(status, headers=named), _nothing())


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7), (" 30 ", 30), ("", 0), ("soon", 0), ("-1", 0), ("9" * 40, 0)],
)
def test_retry_after_is_read_in_seconds(given: str, seconds: float) -> None:
    """A date or nonsense counts as not given."""
    failure = status_failure("p", response(429, Retry_After=given), "")
    assert (failure.kind, failure.retry_after_s) == ("busy", seconds)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 404])
def test_what_asking_again_cannot_mend_is_said_to_be_so(status: int) -> None:
    """A redirect is one of them: the key must not follow it."""
    assert status_failure("p", response(status), "").kind == "misconfigured"


@pytest.mark.parametrize("status", [400, 403, 409, 413, 415, 422])
def test_what_is_refused_may_be_this_request_alone(status: int) -> None:
    """Others are to be asked all the same."""
    assert status_failure("p", response(status), "").kind == "refused"


CONTEXT = '{"error":{"code":"context_length_exceeded","type":"invalid_request_error"}}'
FAULTS = [
    # status, body, whose fault
    (400, CONTEXT, "refused"),
    (400, '{"error":{"code":"content_filter"}}', "refused"),
    (401, '{"error":{"code":"invalid_api_key"}}', "misconfigured"),
    (402, "", "doubtful"),
    (402, '{"error":{"message":"can only afford 800 tokens","code":402}}', "doubtful"),
    (404, "", "misconfigured"),
    (404, "<html>404 page not found</html>", "misconfigured"),
    (404, '{"detail":"Not Found"}', "misconfigured"),
    (404, '{"error":{"code":"404","message":"Resource not found"}}', "misconfigured"),
    (404, '{"error":{"code":"DeploymentNotFound"}}', "misconfigured"),
    (404, '{"message":"The model `x` does not exist.","code":404}', "misconfigured"),
    (
        404,
        '{"error":{"message":"model \\"x\\" not found"}}',
        "misconfigured",
    ),
    (
        404,
        '{"error":{"message":"No endpoints found that support tool use"}}',
        "doubtful",
    ),
    (404, '{"error":{"message":"Item with id item_1 not found."}}', "doubtful"),
    (408, "", "late"),
    (413, '{"error":{"message":"Request too large"}}', "refused"),
    (422, '{"detail":[{"loc":["body","tools"],"msg":"field required"}]}', "refused"),
    (429, '{"error":{"code":"rate_limit_exceeded"}}', "busy"),
    (429, '{"error":{"code":"insufficient_quota"}}', "busy"),
    (429, '{"error":{"message":"Request too large for m on TPM"}}', "refused"),
    (500, '{"error":{"message":"x"}}', "error"),
    (500, '{"error":{"message":"the prompt exceeds the context size"}}', "refused"),
    (503, "", "error"),
    (200, '{"error":{"message":"overloaded"}}', "error"),
    (200, CONTEXT, "refused"),
]


@pytest.mark.parametrize(("status", "error", "fault"), FAULTS)
def test_whose_fault_it_is_is_read_from_status_and_body(
    status: int, error: str, fault: str
) -> None:
    """Services use one status for what is one request's fault and everybody's."""
    assert fault_of(status, error) == fault


def test_what_is_about_one_request_asks_nobody_to_wait() -> None:
    """Though it comes with the status, and the header, of a rate limit."""
    too_large = '{"error":{"message":"Request too large"}}'
    failure = status_failure("p", response(429, Retry_After="7"), too_large)
    assert (failure.kind, failure.retry_after_s) == ("refused", 0)


def test_of_an_error_only_its_code_is_shown() -> None:
    """The rest may quote the prompt."""
    failure = status_failure("p", response(400), CONTEXT.replace("}}", ',"x":"me"}}'))
    assert "context_length_exceeded" in str(failure) and "me" not in str(failure)
