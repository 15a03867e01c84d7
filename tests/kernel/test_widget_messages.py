"""Messages of a page to the widgets of a real kernel."""

import pytest

from tests.kernel.real_kernel import PATIENCE_S, Kernel

FORM = """
import pixverse_nb as pv
client = pv.Client.sandbox()
form = pv.studio(client).form
print(form.comm.comm_id)
"""
GALLERY = "import pixverse_nb as pv\nprint(pv.gallery([]).comm.comm_id)"


def control(kernel: Kernel, request: str, **content: str) -> dict[str, str]:
    """Send a request on the control channel and return the content of its reply."""
    message = kernel.client.session.msg(request, content)
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=PATIENCE_S)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            answer: dict[str, str] = reply["content"]
            return answer


def ping(kernel: Kernel, comm_id: str, subshell_id: str | None) -> list[str]:
    """Send a ping to a widget, and return the kinds of its messages until the kernel has handled the ping."""
    content = {"comm_id": comm_id, "data": {"method": "custom", "content": {"kind": "ping"}}}
    message = kernel.client.session.msg("comm_msg", content)
    message["header"]["subshell_id"] = subshell_id
    kernel.client.shell_channel.send(message)
    kinds = []
    while True:
        heard = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
        if heard["msg_type"] == "comm_msg":
            kinds.append(heard["content"]["data"].get("content", {}).get("kind"))
        is_own = heard["parent_header"].get("msg_id") == message["header"]["msg_id"]
        if is_own and heard["content"].get("execution_state") == "idle":
            return kinds


@pytest.mark.parametrize("cell", [FORM, GALLERY])
def test_a_message_arrives_after_an_earlier_subshell_has_ended(kernel: Kernel, cell: str) -> None:
    """JupyterLab closes a subshell after a restart; a widget that had answered there is still reached elsewhere."""
    made = kernel.run(cell)
    assert made.error == ""
    comm_id = made.stdout.split()[-1]
    subshell_id = control(kernel, "create_subshell_request").get("subshell_id")  # ipykernel 6 has none
    assert "pong" in ping(kernel, comm_id, subshell_id)
    if subshell_id is not None:
        control(kernel, "delete_subshell_request", subshell_id=subshell_id)
    assert "pong" in ping(kernel, comm_id, None)
    kernel.run("client.close() if 'client' in globals() else None")
