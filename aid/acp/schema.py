"""What goes over the wire of the Agent Client Protocol, version 1 (stable schema), as far as AID speaks it.

Fields have the protocol's camelCase names on the wire. What is read leaves out what AID has no use for; unknown fields
are ignored. Own structs rather than the `agent-client-protocol` package's: its models take 0.7 s of CPU to import,
which every editor would wait for, and it leaves a line that is no JSON unanswered.
"""

from typing import Any, Literal

import msgspec

VERSION = 1

StopReason = Literal["end_turn", "cancelled"]
Kind = Literal["edit", "delete", "move"]
CallStatus = Literal["pending", "in_progress", "completed", "failed"]
StepStatus = Literal["pending", "in_progress", "completed"]


class Acp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Fields at their default are left out."""


# Prompts.


class Text(Acp, frozen=True, tag_field="type", tag="text"):
    text: str


class ResourceLink(Acp, frozen=True, tag_field="type", tag="resource_link"):
    uri: str
    name: str = ""


class Contents(Acp, frozen=True):
    """`text` None: it is binary."""

    uri: str
    text: str | None = None


class Resource(Acp, frozen=True, tag_field="type", tag="resource"):
    resource: Contents


class Image(Acp, frozen=True, tag_field="type", tag="image"):
    pass


class Audio(Acp, frozen=True, tag_field="type", tag="audio"):
    pass


Block = Text | ResourceLink | Resource | Image | Audio


# Requests of the client.


class FileSystem(Acp, frozen=True):
    read_text_file: bool = False
    write_text_file: bool = False


class ClientCapabilities(Acp, frozen=True):
    fs: FileSystem = FileSystem()


class InitializeParams(Acp, frozen=True):
    protocol_version: int
    client_capabilities: ClientCapabilities = ClientCapabilities()


class NewParams(Acp, frozen=True):
    cwd: str
    mcp_servers: tuple[dict[str, Any], ...] = ()


class LoadParams(NewParams, frozen=True, kw_only=True):
    session_id: str


class ListParams(Acp, frozen=True):
    cwd: str | None = None


class SessionParams(Acp, frozen=True):
    session_id: str


class PromptParams(SessionParams, frozen=True):
    prompt: tuple[Block, ...]


class SetModeParams(SessionParams, frozen=True):
    mode_id: str


class SetOptionParams(SessionParams, frozen=True):
    config_id: str
    value: str | bool


class CancelRequestParams(Acp, frozen=True):
    request_id: int | str


# Answers to it.


class Choice(Acp, frozen=True):
    value: str
    name: str
    description: str | None = None


class Option(Acp, frozen=True):
    """A setting of a session that the editor shows as a list to choose from."""

    id: str
    name: str
    category: str
    current_value: str
    options: tuple[Choice, ...]
    type: str = msgspec.field(default_factory=lambda: "select")  # a factory's default is never left out


class Mode(Acp, frozen=True):
    id: str
    name: str
    description: str


class Modes(Acp, frozen=True):
    """The same as the option "mode", for clients that don't know options yet."""

    current_mode_id: str
    available_modes: tuple[Mode, ...]


class Opened(Acp, frozen=True):
    """A session that was made (`session_id`), loaded or resumed."""

    config_options: tuple[Option, ...]
    modes: Modes
    session_id: str | None = None


class SessionEntry(Acp, frozen=True):
    """`updated_at` as in ISO 8601."""

    session_id: str
    cwd: str
    title: str
    updated_at: str


# Updates of a session.


class Update(Acp, frozen=True, tag_field="sessionUpdate"):
    pass


class UserText(Update, frozen=True, tag="user_message_chunk"):
    content: Text


class AgentText(Update, frozen=True, tag="agent_message_chunk"):
    content: Text


class Thought(Update, frozen=True, tag="agent_thought_chunk"):
    content: Text


class Step(Acp, frozen=True):
    content: str
    status: StepStatus
    priority: str = msgspec.field(default_factory=lambda: "medium")


class Plan(Update, frozen=True, tag="plan"):
    entries: tuple[Step, ...]


class Diff(Acp, frozen=True, tag_field="type", tag="diff"):
    """`path` is absolute; `old_text` None: the file is new."""

    path: str
    new_text: str
    old_text: str | None = None


class Content(Acp, frozen=True, tag_field="type", tag="content"):
    content: Text


class Location(Acp, frozen=True):
    path: str
    line: int | None = None


class ToolCall(Update, frozen=True, tag="tool_call"):
    tool_call_id: str
    title: str
    kind: Kind
    status: CallStatus
    content: tuple[Diff | Content, ...] = ()
    locations: tuple[Location, ...] = ()


class ToolCallUpdate(Update, frozen=True, tag="tool_call_update"):
    """`content` None: as it was."""

    tool_call_id: str
    status: CallStatus
    content: tuple[Diff | Content, ...] | None = None


class CommandInput(Acp, frozen=True):
    hint: str


class Command(Acp, frozen=True):
    name: str
    description: str
    input: CommandInput | None = None


class Commands(Update, frozen=True, tag="available_commands_update"):
    available_commands: tuple[Command, ...]


class ModeChanged(Update, frozen=True, tag="current_mode_update"):
    current_mode_id: str


class OptionsChanged(Update, frozen=True, tag="config_option_update"):
    config_options: tuple[Option, ...]


class Titled(Update, frozen=True, tag="session_info_update"):
    title: str


# Requests to the client, and its answers.


class PermissionOption(Acp, frozen=True):
    option_id: str
    name: str
    kind: str


class PermissionCall(Acp, frozen=True):
    """The tool call that permission is asked for, as a patch of what was sent of it: all of it stays."""

    tool_call_id: str
    title: str
    kind: Kind
    content: tuple[Diff | Content, ...]
    locations: tuple[Location, ...]


class PermissionParams(Acp, frozen=True):
    session_id: str
    tool_call: PermissionCall
    options: tuple[PermissionOption, ...]


class Outcome(Acp, frozen=True):
    outcome: Literal["cancelled", "selected"]
    option_id: str | None = None


class Permission(Acp, frozen=True):
    outcome: Outcome


class ReadParams(Acp, frozen=True):
    session_id: str
    path: str


class ReadResult(Acp, frozen=True):
    content: str


class WriteParams(Acp, frozen=True):
    session_id: str
    path: str
    content: str
