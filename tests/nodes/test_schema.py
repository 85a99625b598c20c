"""The nodes' schema is what saved workflows expect, with additions behind it; without a ComfyUI."""

from types import SimpleNamespace
from typing import Any

import pytest
from helpers.expected_nodes import COMPOSABLE, NODES, SINGLE_LINE, SOCKETS, Node

BY_KEY = pytest.mark.parametrize("node", NODES, ids=lambda node: node.key)


def declared(field: Any) -> tuple[str, str, dict[str, Any]]:
    return field.name, field.kind, {key: value for key, value in field.settings.items() if key != "tooltip"}


def test_every_node_is_there(pack: SimpleNamespace) -> None:
    assert list(pack.nodes) == [*(node.key for node in NODES), *COMPOSABLE, *SINGLE_LINE]


def test_no_two_nodes_have_one_name(pack: SimpleNamespace) -> None:
    names = [node.define_schema().display_name for node in pack.nodes.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("key", SINGLE_LINE)
def test_single_line_nodes_hold_their_widgets_as_old_files_do(pack: SimpleNamespace, key: str) -> None:
    inputs = pack.nodes[key].define_schema().inputs
    order = [field for optional in (False, True) for field in inputs if field.optional is optional]
    assert [field.name for field in order if field.kind not in SOCKETS] == SINGLE_LINE[key]


@pytest.mark.parametrize("key", [*COMPOSABLE, *SINGLE_LINE])
def test_new_nodes_explain_themselves(pack: SimpleNamespace, key: str) -> None:
    schema = pack.nodes[key].define_schema()
    assert schema.description
    assert all(field.settings.get("tooltip") for field in (*schema.inputs, *schema.outputs))


@BY_KEY
def test_schema_equals_what_people_have(pack: SimpleNamespace, node: Node) -> None:
    schema = pack.nodes[node.key].define_schema()
    assert (schema.display_name, schema.category) == (node.display_name, node.category)
    assert [declared(field) for field in schema.inputs if not field.optional] == node.required
    assert [declared(field) for field in schema.inputs if field.optional] == node.optional
    assert [(field.name, field.kind) for field in schema.outputs] == node.outputs


@BY_KEY
def test_additions_stand_behind_the_widgets_of_saved_workflows(pack: SimpleNamespace, node: Node) -> None:
    inputs = pack.nodes[node.key].define_schema().inputs
    order = [field for optional in (False, True) for field in inputs if field.optional is optional]
    widgets = [field.name for field in order if field.kind not in SOCKETS and "force_input" not in field.settings]
    assert len(widgets) == node.widgets + len(node.new)
    assert tuple(widgets[node.widgets :]) == node.new


@BY_KEY
def test_everything_explains_itself(pack: SimpleNamespace, node: Node) -> None:
    schema = pack.nodes[node.key].define_schema()
    assert schema.description
    assert all(field.settings.get("tooltip") for field in (*schema.inputs, *schema.outputs))
