"""What a pickle would do, told from its opcodes: nothing in it is made or run.

torch's restricted unpickler runs no code either. But it makes storages of whatever size a file declares, hashes keys
that double at every step, and stops at what other programs write with words that name no code.
"""

import pickletools
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

MAX_WEIGHT = 10_000
"""Of a key: how many values it stands for, those counted again that a tuple repeats."""

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of a file that torch wrote before it wrote zip archives; the weights are in the fourth."""
LEGACY_PICKLES = 4

ELEMENT_BYTES = {
    name: size
    for size, names in {
        1: "Char Byte Bool QInt8 QUInt8 QUInt4x2 QUInt2x4 Untyped",
        2: "Half BFloat16 Short",
        4: "Float Int QInt32",
        8: "Double Long ComplexFloat",
        16: "ComplexDouble",
    }.items()
    for name in (f"{stem}Storage" for stem in names.split())
}

HARMLESS = {
    *("collections.OrderedDict", "collections.Counter", "collections.defaultdict", "_codecs.encode"),
    *(f"{builtins}.{name}" for builtins in ("builtins", "__builtin__") for name in ("set", "complex", "dict", "list")),
    *("torch.Size", "torch.device", "torch.nn.parameter.Parameter", "torch.serialization._get_layout"),
    *(f"torch._utils._rebuild_{what}" for what in ("tensor", "tensor_v2", "tensor_v3", "parameter")),
    *("torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2"),
}
"""What makes tensors, and values beside them; torch decides once more which of these it allows."""

_BELOW_MARK = {
    opcode.name: opcode.stack_before.index(pickletools.markobject)
    for opcode in pickletools.opcodes
    if pickletools.markobject in opcode.stack_before
}
"""Opcodes that take all down to a mark, and how many they take below it."""

_PUT = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_GET = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = frozenset({"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET", "EMPTY_TUPLE"})
_CHANGED = frozenset({"SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS", "BUILD"})
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})


class ScanError(ValueError):
    """A pickle that is cut off, or that means more than weights need."""


@dataclass
class PickleContents:
    """code: names of what it would import and weights do not need. storages: key → bytes, as declared. value: where the
    whole pickle is a number or a text. is_legacy: whether it begins as torch's older files do."""

    code: list[str] = field(default_factory=list)
    storages: dict[str, int] = field(default_factory=dict)
    value: Any = None
    is_legacy: bool = False


class _Value(NamedTuple):
    """What is known of a value. content: a number, a text, a tuple of `_Value`, or what is imported, with dots."""

    content: Any = None
    weight: int = 1


_UNKNOWN = _Value()


def scan_pickles(data: IO[bytes]) -> PickleContents:
    """What the first pickle of `data` would do; of torch's older format, all of them. Raises `ScanError`."""
    contents = PickleContents()
    _scan_pickle(data, contents)
    contents.is_legacy = contents.value == LEGACY_MAGIC
    if contents.is_legacy:
        for _ in range(LEGACY_PICKLES - 1):
            _scan_pickle(data, contents)
    return contents


def _scan_pickle(data: IO[bytes], contents: PickleContents) -> None:
    machine = _StackMachine(contents)
    try:
        for opcode, argument, _ in pickletools.genops(data):
            machine.run(opcode, argument)
    except ScanError:
        raise
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError) as error:  # of damaged bytes
        raise ScanError(f"its pickle cannot be read: {str(error)[:100] or type(error).__name__}") from error


class _StackMachine:
    """The unpickler's stack, marks and memo, of `_Value`."""

    def __init__(self, contents: PickleContents) -> None:
        self._contents = contents
        self._stack: list[_Value] = []
        self._marks: list[int] = []
        self._memo: dict[int, _Value] = {}

    def run(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        name, stack = opcode.name, self._stack
        if name in _PUT:
            self._memo[len(self._memo) if argument is None else argument] = stack[-1]
        elif name in _GET:
            stack.append(self._memo[argument])
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "STOP":
            self._contents.value = stack.pop().content
        else:
            self._replace_top(opcode, argument)

    def _replace_top(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        taken = self._take(opcode)
        if opcode.name in ("SETITEM", "SETITEMS", "DICT"):
            _check_keys(taken[-2::-2])
        if opcode.stack_after:
            self._stack.append(self._make_value(opcode.name, argument, taken))

    def _take(self, opcode: pickletools.OpcodeInfo) -> list[_Value]:
        """What `opcode` takes from the stack, the lowest first."""
        count = len(opcode.stack_before)
        if (below_mark := _BELOW_MARK.get(opcode.name)) is not None:
            count = len(self._stack) - self._marks.pop() + below_mark
        if not 0 <= count <= len(self._stack):
            raise ScanError("its pickle takes more than it holds")
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def _make_value(self, name: str, argument: Any, taken: list[_Value]) -> _Value:
        if name in _IMPORTS or name in _EXTENSIONS:
            return self._import(name, argument, taken)
        if name in _TUPLES:
            weight = 1 + sum(value.weight for value in taken)
            return _Value(tuple(taken) if len(taken) < 8 else None, min(weight, MAX_WEIGHT + 1))
        if name in _CHANGED:
            return taken[0]
        if name == "BINPERSID":
            self._note_storage(taken[0])
        return _Value(argument) if isinstance(argument, str | int) else _UNKNOWN

    def _import(self, name: str, argument: Any, taken: list[_Value]) -> _Value:
        if name in _EXTENSIONS:
            imported = f"extension {argument}"
        else:
            parts = [value.content for value in taken] if name == "STACK_GLOBAL" else str(argument).split(" ", 1)
            imported = ".".join(map(str, parts))[:200]
        if imported not in HARMLESS and not _is_type_of_values(imported):
            self._contents.code.append(imported)
        return _Value(imported)

    def _note_storage(self, described: _Value) -> None:
        """Take down ("storage", type, key, device, elements, …), by which torch names a storage."""
        parts = described.content if isinstance(described.content, tuple) else ()
        kind, made, key, _, elements = ([part.content for part in parts] + [None] * 5)[:5]
        if kind != "storage" or not isinstance(elements, int) or elements < 0:
            raise ScanError("its pickle names something else than a storage of values")
        size = ELEMENT_BYTES.get(str(made).rpartition(".")[2], 1)
        self._contents.storages[str(key)] = max(self._contents.storages.get(str(key), 0), elements * size)


def _is_type_of_values(imported: str) -> bool:
    """Whether it is a type of storage, or of values: torch.FloatStorage, torch.float32."""
    module, _, name = imported.rpartition(".")
    return module in ("torch", "torch.storage", "torch.cuda") and (name in ELEMENT_BYTES or name[:1].islower())


def _check_keys(keys: list[_Value]) -> None:
    if any(key.weight > MAX_WEIGHT for key in keys):
        raise ScanError("its pickle holds a key that grows without end")
