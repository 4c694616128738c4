"""The fields of a Sparkplug B payload that are read here, declared for protobuf. What they mean is in `sparkplug.py`.

The numbers are those of the Sparkplug 3.0 specification, 6.4; fields that are left out are skipped when read.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPE = descriptor_pb2.FieldDescriptorProto
_UINT32, _UINT64, _STRING = _TYPE.TYPE_UINT32, _TYPE.TYPE_UINT64, _TYPE.TYPE_STRING
_FLOAT, _DOUBLE, _BOOL, _MESSAGE = _TYPE.TYPE_FLOAT, _TYPE.TYPE_DOUBLE, _TYPE.TYPE_BOOL, _TYPE.TYPE_MESSAGE

_FIELDS: dict[str, list[tuple[str, int, Any, str]]] = {
    "PropertyValue": [("int_value", 3, _UINT32, ""), ("long_value", 4, _UINT64, "")],
    "PropertySet": [("keys", 1, _STRING, "*"), ("values", 2, _MESSAGE, "*PropertyValue")],
    "Metric": [
        ("name", 1, _STRING, ""),
        ("alias", 2, _UINT64, ""),
        ("timestamp", 3, _UINT64, ""),
        ("datatype", 4, _UINT32, ""),
        ("is_historical", 5, _BOOL, ""),
        ("is_null", 7, _BOOL, ""),
        ("properties", 9, _MESSAGE, "PropertySet"),
        ("int_value", 10, _UINT32, ""),
        ("long_value", 11, _UINT64, ""),
        ("float_value", 12, _FLOAT, ""),
        ("double_value", 13, _DOUBLE, ""),
        ("boolean_value", 14, _BOOL, ""),
        ("string_value", 15, _STRING, ""),
    ],
    "Payload": [("timestamp", 1, _UINT64, ""), ("metrics", 2, _MESSAGE, "*Metric"), ("seq", 3, _UINT64, "")],
}


def _payload_type() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="millrace_sparkplug.proto", package="millrace", syntax="proto2")
    for message, fields in _FIELDS.items():
        declared = file.message_type.add(name=message)
        for name, number, kind, of in fields:
            label = _TYPE.LABEL_REPEATED if of.startswith("*") else _TYPE.LABEL_OPTIONAL
            field = declared.field.add(name=name, number=number, type=kind, label=label)
            if kind == _MESSAGE:
                field.type_name = f".millrace.{of.lstrip('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("millrace.Payload"))


Payload: Any = _payload_type()
