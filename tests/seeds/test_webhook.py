"""Signatures of partners' systems are those of the Standard Webhooks."""

from seeds.webhook import sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    body = b'{"test": 2432232314}'
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_id_time_and_every_byte_count() -> None:
    whole = sign(SECRET, "msg_1", 1, b"{}")
    assert (
        len({whole, sign(SECRET, "msg_2", 1, b"{}"), sign(SECRET, "msg_1", 2, b"{}"), sign(SECRET, "msg_1", 1, b"{ }")})
        == 4
    )
