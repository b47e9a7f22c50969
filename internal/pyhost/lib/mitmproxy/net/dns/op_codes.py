"""Kinds of questions."""
QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO = 0, 1, 2, 4, 5, 6


def to_str(op_code: int) -> str:
    for name, number in globals().items():
        if name.isupper() and number == op_code:
            return name
    return "OPCODE({})".format(op_code)
