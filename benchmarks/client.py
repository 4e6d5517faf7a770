"""A browser as the server sees it: Streamlit's protobuf messages over a websocket, with a session cookie.

Keeps what a browser keeps (widget states, what the page shows) and measures from sending an interaction to the
message that the run of the script is finished. Draws nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from survey.access.accounts import COOKIE

TIMEOUT_SECONDS = 30.0


class PageFailed(Exception):
    """The page showed an exception, or did not finish in time."""


@dataclass
class Element:
    """A widget that the page shows."""

    kind: str
    id: str
    label: str
    fragment_id: str
    options: tuple[str, ...] = ()


@dataclass
class Client:
    """One browser tab."""

    port: int
    token: str | None = None
    elements: dict[str, Element] = field(default_factory=dict)
    elements_drawn: int = 0
    bytes_received: int = 0
    query: str = ""
    _states: dict[str, WidgetState] = field(default_factory=dict)
    page: str = ""
    visit: str = ""
    _page_hash: str = ""
    _socket: ClientConnection | None = None

    async def open(self, page: str = "", query: str = "") -> float:
        """Open a page in a new tab; seconds until it was drawn."""
        self.page, self.query, self._page_hash = page, query, ""
        self._states.clear()
        if self._socket is None:
            headers = {"Origin": f"http://127.0.0.1:{self.port}"}
            if self.token:
                headers["Cookie"] = f"{COOKIE}={self.token}"
            self._socket = await connect(
                f"ws://127.0.0.1:{self.port}/_stcore/stream",
                subprotocols=[Subprotocol("streamlit")],
                additional_headers=headers,
                max_size=None,
            )
        return await self.rerun()

    async def rerun(self, fragment_id: str = "") -> float:
        """Run the page again; seconds until the script was finished."""
        assert self._socket is not None
        state = ClientState(
            query_string=self.query,
            page_name=self.page,
            page_script_hash=self._page_hash,
            fragment_id=fragment_id,
        )
        state.widget_states.widgets.extend(self._states.values())
        state.context_info.timezone = "Asia/Shanghai"
        state.context_info.locale = "zh-CN"
        state.context_info.url = f"http://127.0.0.1:{self.port}/{self.page}"
        began = time.perf_counter()
        self._forget(fragment_id)
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        try:
            await asyncio.wait_for(self._until_finished(), TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise PageFailed(f"{self.page}: not finished within {TIMEOUT_SECONDS:.0f} s") from error
        return time.perf_counter() - began

    async def type_into(self, element: Element, text: str) -> float:
        """Change a text field; seconds until the script was finished."""
        self._states[element.id] = WidgetState(id=element.id, string_value=text)
        return await self.rerun(element.fragment_id)

    async def choose(self, element: Element, option: str) -> float:
        """Choose an option of a group of buttons; seconds until the script was finished."""
        state = WidgetState(id=element.id)
        state.string_array_value.data.append(option)
        self._states[element.id] = state
        return await self.rerun(element.fragment_id)

    async def click(self, element: Element) -> float:
        """Press a button; seconds until the script was finished."""
        self._states[element.id] = WidgetState(id=element.id, trigger_value=True)
        try:
            return await self.rerun(element.fragment_id)
        finally:
            self._states.pop(element.id, None)

    async def close(self) -> None:
        """Close the tab."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    def _forget(self, fragment_id: str) -> None:
        """Drop what the coming run will draw again."""
        kept = {
            key: element
            for key, element in self.elements.items()
            if fragment_id and element.fragment_id != fragment_id
        }
        self.elements = kept
        self.elements_drawn = len(kept)

    async def _until_finished(self) -> None:
        assert self._socket is not None
        while True:
            data = await self._socket.recv()
            assert isinstance(data, bytes)
            self.bytes_received += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page_hash = message.new_session.page_script_hash
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta":
                self._saw(message)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise PageFailed(f"{self.page}: does not compile")
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return

    def _saw(self, message: ForwardMsg) -> None:
        delta = message.delta
        if delta.WhichOneof("type") != "new_element":
            return
        self.elements_drawn += 1
        kind = delta.new_element.WhichOneof("type")
        content = getattr(delta.new_element, kind) if kind else None
        if kind == "exception":
            raise PageFailed(f"{self.page}: {content.type} {content.message}")
        identifier = getattr(content, "id", "")
        if identifier:
            options = tuple(option.content for option in content.options) if kind == "button_group" else ()
            label = getattr(content, "label", "")
            self.elements[identifier] = Element(kind or "", identifier, label, delta.fragment_id, options)
