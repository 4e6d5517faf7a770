"""What is said of an answer that will not do, where the form says nothing itself.

Owns these sentences in Chinese and English. They are no problems of the catalogue: the person answering is
shown them beside the question, many at a time.
"""

from __future__ import annotations

from typing import Final

_MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "required": ("此题必须填写。", "This question must be answered."),
    "constraint": ("填写的内容不符合要求。", "This answer does not meet the requirement."),
    "choice": ("“{value}”不在可选项中。", "“{value}” is not one of the choices."),
    "rank": ("请给每一个选项排序。", "Rank every choice."),
    "range": (
        "请填写 {start} 到 {end} 之间的数值（间隔 {step}）。",
        "Enter a value from {start} to {end} in steps of {step}.",
    ),
    "too_many": ("重复次数超过上限 {limit} 次。", "There can be at most {limit} entries."),
    "type.int": ("请填写整数。", "Enter a whole number."),
    "type.decimal": ("请填写数字。", "Enter a number."),
    "type.date": ("请填写有效的日期，例如 2026-03-05。", "Enter a valid date such as 2026-03-05."),
    "type.time": ("请填写有效的时间，例如 14:30。", "Enter a valid time such as 14:30."),
    "type.dateTime": (
        "请填写有效的日期和时间，例如 2026-03-05T14:30:00+08:00。",
        "Enter a valid date and time such as 2026-03-05T14:30:00+08:00.",
    ),
    "type.boolean": ("请填写“是”或“否”。", "Enter yes or no."),
    "type.geopoint": (
        "位置坐标无效：应为纬度和经度。",
        "The location is not valid: latitude and longitude are needed.",
    ),
    "type.geotrace": (
        "线路坐标无效：至少需要两个点。",
        "The line is not valid: it needs at least two points.",
    ),
    "type.geoshape": (
        "范围坐标无效：至少需要三个点，且首尾相接。",
        "The area is not valid: it needs at least three points and must be closed.",
    ),
    "type.binary": ("附件名称无效。", "The name of the attachment is not valid."),
    "type.trigger": ("此项只能勾选确认。", "This can only be ticked to confirm."),
}


def message(name: str, language: str, **facts: object) -> str:
    """A sentence in Chinese for `zh…`, otherwise in English."""
    chinese, english = _MESSAGES[name]
    return (chinese if language.startswith(("zh", "中")) else english).format_map(facts)
