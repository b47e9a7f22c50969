"""Classes of records."""
IN, CH, HS, NONE, ANY = 1, 3, 4, 254, 255


def to_str(class_: int) -> str:
    for name, number in globals().items():
        if name.isupper() and number == class_:
            return name
    return "CLASS({})".format(class_)
