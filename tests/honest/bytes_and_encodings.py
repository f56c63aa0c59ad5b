def execute_command(image):
    data = "naïve €".encode("utf-8")
    return [len(data), data.hex(), data.decode("utf-8"), data[2], list(data[:3])]
# ---
def execute_command(image):
    text = "Grüße"
    sizes = [len(text.encode(name)) for name in ("utf-8", "latin-1", "utf-16", "utf-32")]
    return sizes, text.encode("ascii", "replace").decode("ascii"), text.encode("ascii", "xmlcharrefreplace").decode()
# ---
def execute_command(image):
    raw = bytes([72, 105, 0xFF, 33])
    return [
        raw.decode("utf-8", "replace"), raw.decode("utf-8", errors="ignore"), raw.decode("latin-1"),
        raw.decode("ascii", "backslashreplace"), str(raw), repr(bytearray(b"a\x00'")),
    ]
# ---
def execute_command(image):
    buffer = bytearray(b"hello")
    buffer[0] = ord("J")
    buffer += b" world"
    buffer.extend([33, 33])
    del buffer[5]
    view = memoryview(buffer)
    view[0:2] = b"YE"
    view.release()
    return buffer.decode(), buffer.count(b"l"), buffer.find(b"world"), bytes(reversed(buffer)).decode()
# ---
def execute_command(image):
    number = int(image.width * 1000)
    packed = number.to_bytes(4, "big")
    return [packed.hex(" "), int.from_bytes(packed, "little"), int.from_bytes(b"\xff\xfe", "big", signed=True), (0).to_bytes(1, "big").hex()]
# ---
def checksum(data):
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    return b << 16 | a


def execute_command(image):
    answer = image.simple_query("What is written on the sign?").encode()
    return [checksum(b"Wikipedia"), checksum(answer), checksum(b"")]
# ---
def run_length(data):
    out = bytearray()
    i = 0
    while i < len(data):
        j = i
        while j < len(data) and data[j] == data[i] and j - i < 255:
            j += 1
        out += bytes((j - i, data[i]))
        i = j
    return bytes(out)


def execute_command(image):
    packed = run_length(b"aaaabbbc" + bytes(300))
    return list(packed), bytes.fromhex("48 65 78").decode()
# ---
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def base64(data):
    padding = -len(data) % 3
    bits = int.from_bytes(data + bytes(padding), "big")
    digits = bytearray()
    for _ in range((len(data) + padding) // 3 * 4):
        bits, index = divmod(bits, 64)
        digits.append(ALPHABET[index])
    digits.reverse()
    if padding:
        digits[-padding:] = b"=" * padding
    return digits.decode("ascii")


def execute_command(image):
    return [base64(text.encode()) for text in ("Man", "Ma", "M", "light work.", image.simple_query())]
# ---
def execute_command(image):
    parts = b"k1=v1;k2=v2;k3".split(b";")
    pairs = [part.partition(b"=") for part in parts]
    table = bytes.maketrans(b"kv", b"KV")
    return [[key.translate(table).decode(), value.decode()] for key, _, value in pairs], b"a" < b"b" < b"ba", b"12".isdigit()
# ---
def execute_command(image):
    problems = []
    for attempt in (lambda: "\udc80".encode("utf-8"), lambda: b"\xc3(".decode(), lambda: "é" + b"e", lambda: bytes([256])):
        try:
            attempt()
        except UnicodeError as error:
            problems.append([error.encoding, error.start, error.end, error.reason])
        except (TypeError, ValueError) as error:
            problems.append(str(error))
    return problems
