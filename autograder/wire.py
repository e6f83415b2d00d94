"""How the sandbox hands data back: one line of JSON, then the raw bytes of arrays. No pickle.

The reader believes nothing: what does not parse, is too large or does not carry the nonce of the
question is no answer.
"""

import json
import math

import numpy as np

DTYPES = ("int16", "int32", "int64", "float32", "float64")
LONGEST = 32 * 2**20  # bytes of an answer


def pack(nonce: str, data: dict, arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of an answer to the question `nonce`."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {
        "nonce": nonce,
        "data": data,
        "arrays": [[name, str(a.dtype), list(a.shape)] for name, a in arrays.items()],
    }
    return json.dumps(header).encode() + b"\n" + b"".join(a.tobytes() for a in arrays.values())


def unpack(payload: bytes, nonce: str) -> tuple[dict, dict[str, np.ndarray]]:
    """The data and arrays of an answer. Raises ValueError for anything that is not one."""
    line, newline, body = payload.partition(b"\n")
    header = json.loads(line)
    if not newline or not isinstance(header, dict) or header.get("nonce") != nonce:
        raise ValueError("not an answer to this question")
    if not isinstance(header.get("data"), dict) or not isinstance(header.get("arrays"), list):
        raise ValueError("no data in the answer")
    arrays, offset = {}, 0
    for name, dtype, shape in header["arrays"]:
        if dtype not in DTYPES or not all(
            type(n) is int and 0 <= n <= LONGEST for n in shape
        ):
            raise ValueError("an array of unknown type or shape")
        size = math.prod(shape)
        if offset + size * np.dtype(dtype).itemsize > len(body):
            raise ValueError("an array is cut off")
        arrays[str(name)] = np.frombuffer(body, dtype, size, offset).reshape(shape)
        offset += arrays[str(name)].nbytes
    return header["data"], arrays
