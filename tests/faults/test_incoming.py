"""Mail that comes in by a real mail server and a real web server, whatever it is: filed or refused, never lost."""

import smtplib
from email.message import EmailMessage

import pytest

from tools.mailgate import MailGate, write_answer
from tools.postgres import TEST
from tools.server import Server

from .ledger import address, sort_by_address

WHO = "Customer 03"
REPORT = """From: MAILER-DAEMON@mx.example.com
To: {to}
Subject: Undelivered
Message-Id: <report@mx.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

It came back.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {who}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such mailbox

--cut
Content-Type: text/rfc822-headers

Message-Id: {uid}

--cut--
"""


@pytest.fixture
def answers_to(odoo):
    """Return the address that the company's customers answer to."""
    return odoo.call("await_answers")


@pytest.fixture
def gate(answers_to, odoo, ledger, shared_log):
    """Give the way in for mail, with the web server behind it."""
    with (
        Server(TEST, ledger.name, shared_log) as server,
        MailGate(TEST, server.address, ledger.name) as gate,
    ):
        yield gate
    ledger.wait_until_left()


def get_replies(ledger):
    """Return the replies, oldest first: customer's name, state, sender, files."""
    return ledger.query(
        """
        SELECT partner.name, reply.state, reply.email_from,
               (SELECT count(*) FROM message_attachment_rel file
                 WHERE file.message_id = reply.message_id)
          FROM collection_reply reply
          LEFT JOIN res_partner partner ON partner.id = reply.partner_id
         ORDER BY reply.id
        """
    )


def write_mail(to, sender, text="Good morning"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, "Question"
    mail["Message-Id"] = f"<{text.replace(' ', '.')}.{sender}>"
    mail.set_content(text)
    return mail


def get_message(mail_server, ledger):
    """Return the message that the customer received."""
    mail_server.wait_for(ledger.count)
    return sort_by_address(mail_server.messages())[address(WHO)][0]


def test_an_answer_to_a_real_message_holds_the_customers_claims(
    ledger, odoo, mail_server, gate, answers_to
):
    odoo.call("run_day")
    message = get_message(mail_server, ledger)
    answer = write_answer(message, "I paid")
    assert answers_to in answer["To"]
    gate.send(answer, address(WHO), answers_to)
    assert get_replies(ledger) == [(WHO, "pending", address(WHO), 0)]
    assert odoo.call("get_decisions", customer=WHO) == ["pending_reply"] * 2
    assert "pending_reply" not in odoo.call("get_decisions", customer="Customer 04")
    gate.send(answer, address(WHO), answers_to)
    assert len(get_replies(ledger)) == 1, "the same mail twice"


def test_a_mail_between_decision_and_delivery_withdraws_the_notice(
    ledger, odoo, mail_server, gate, answers_to
):
    odoo.call("decide")
    gate.send(write_mail(answers_to, address(WHO)), address(WHO), answers_to)
    odoo.call("call_deliver")
    assert ledger.states() == {"sent": ledger.count - 1, "cancelled": 1}
    assert ledger.notice(WHO)["state"] == "cancelled"
    assert address(WHO) not in sort_by_address(mail_server.messages())


def test_a_mail_does_not_wait_for_the_run_that_has_the_customer_in_hand(
    ledger, odoo, mail_server, gate, answers_to
):
    odoo.call("make_files")
    reached, go_on = odoo.event(), odoo.event()
    run = odoo.start("decide", wait_in=("_decide_locked", reached, go_on))
    assert reached.wait(60)
    gate.send(write_mail(answers_to, address(WHO)), address(WHO), answers_to)
    assert get_replies(ledger) == [(WHO, "pending", address(WHO), 0)]
    go_on.set()
    run.result()
    odoo.call("call_deliver")
    assert ledger.notice(WHO)["state"] == "cancelled"
    assert ledger.states() == {"sent": ledger.count - 1, "cancelled": 1}


def test_a_message_that_comes_back_is_not_sent_again_to_that_address(
    ledger, odoo, mail_server, gate
):
    odoo.call("run_day")
    message = get_message(mail_server, ledger)
    bounce = message["envelope"]["from"]["address"]
    assert bounce == "bounce@creditor.example"
    uid = message["headers"]["message-id"]
    report = REPORT.format(to=bounce, who=address(WHO), uid=uid)
    gate.send(report.encode(), "", bounce)
    notice = ledger.notice(WHO)
    assert notice["state"] == "bounced"
    assert "no such mailbox" in notice["failure"]
    assert odoo.call("get_decisions", customer=WHO) == ["bounced"] * 2
    odoo.call("run_day")
    assert len(mail_server.messages()) == ledger.count
    odoo.call(
        "write",
        model="res.partner",
        domain=[("name", "=", WHO)],
        values={"email": "right@example.com"},
    )
    odoo.call("run_day")
    assert ledger.states() == {"sent": ledger.count}
    assert "right@example.com" in sort_by_address(mail_server.messages())


def test_whatever_comes_is_filed_or_refused(ledger, odoo, mail_server, gate, answers_to):
    odoo.call("run_day")
    message = get_message(mail_server, ledger)
    stranger = "eva@elsewhere.example"
    gate.send(write_mail(answers_to, stranger), stranger, answers_to)
    nobody = "nobody@creditor.example"
    with pytest.raises(smtplib.SMTPDataError) as refused:
        gate.send(write_mail(nobody, stranger, "Is anybody there"), stranger, nobody)
    assert refused.value.smtp_code == 550
    bomb = write_answer(message, "I paid")
    for number in range(500):
        bomb.add_attachment(b"x", maintype="application", subtype="zip", filename=f"{number}.zip")
    gate.send(bomb, address(WHO), answers_to)
    broken = write_answer(message, "I paid").as_bytes()
    gate.send(broken.replace(b"utf-8", b"no-such"), address(WHO), answers_to)
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
        for n in range(3000)
    )
    nested = write_answer(message, "I paid").as_bytes().split(b"Content-Type")[0]
    gate.send(nested.rstrip() + b"\r\n" + deep, address(WHO), answers_to)
    away = write_answer(message, "Away")
    away["Auto-Submitted"] = "auto-replied"
    gate.send(away, "", message["envelope"]["from"]["address"])
    assert get_replies(ledger) == [
        (None, "pending", stranger, 0),
        (WHO, "pending", address(WHO), 20),
        # can't be read in full, so each comes with itself as a file
        (WHO, "pending", address(WHO), 1),
        (WHO, "pending", address(WHO), 1),
    ]
    assert ledger.notice(WHO)["state"] == "sent"
    errors = [line for line in odoo.read_log().splitlines() if " ERROR " in line]
    assert len(errors) == 1, "only the refusal"
