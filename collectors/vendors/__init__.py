"""What is known of makers and their devices, as data: one YAML file per vendor, the file's name is the vendor's id.

A file says (unknown keys are refused with the line and the nearest name):

    title: Fortinet                     the name that people read
    enterprises: [12356]                IANA private enterprise numbers, of sysObjectID 1.3.6.1.4.1.N and below
    role: firewall                      what a device is when no rule says more (optional)
    systems:                            kinds of software; the first one that fits wins (optional)
      - os: FortiOS                     its name, or absent where the vendor's devices have none of note
        object: [1.3.6.1.4.1.12356.101] sysObjectID at or below one of these; absent: below `enterprises`; or `any`
        descr: 'regular expression'     found in sysDescr; its named groups (FIELDS) are read
        present: [1.3.6.1...0]          one of these objects exists on the device
        says: 'regular expression'      found in the value of the object present; its named groups are read
        roles: [{role: switch, model: 'regular expression'}]   rules tried in order, each with all of its conditions:
                                        object (sysObjectID subtrees), descr, model, name, version (regular
                                        expressions), says and unless ({OID: regular expression}: must, must not fit)
        role: firewall                  when no rule fits
        read:                           where to read FIELDS from; of each the first value found is kept
          - {oid: 1.3.6.1...0, as: serial}               one object
          - {column: 1.3.6.1..., as: model}              the first filled row of a column
          - {oid: ..., pattern: '(?P<model>\\S+) v(\\S+)', as: version}   named groups, and group 1 for `as`
          - {descr: 'Version (\\S+)', as: version}       a part of sysDescr
          - {name: '^(FGT\\S+)', as: serial}             a part of sysName
          - {entity: serial, as: serial}                 of the chassis in ENTITY-MIB (RFC 6933): one of ENTITY
          - {object: {'1.3.6.1.4.1.9.1.634': WS-C3560}, as: model}      by sysObjectID
          - {text: Smart-UPS, as: model}                 always
          - {oid: ..., as: version, values: {'7601': '2008 R2 SP1'}}     what is found, told in other words
          - {oid: ..., as: model, told: 'FortiAP {}'}                     or with words around it
    sip: [{pattern: '^Polycom/(?P<version>\\S+)', role: voip}]   in the User-Agent or Server header of SIP
    http: [{pattern: 'RouterOS', role: router}]                  in the Server header or the title of a web page

`_any.yaml` has the same form and holds for every vendor: what the standard MIBs and the plain words of sysDescr say.
`enterprises.csv` names the vendors that have no file yet. Regular expressions ignore case.
"""

from __future__ import annotations

from collectors.vendors.knowledge import (
    ENTITY,
    FIELDS,
    Banner,
    Knowledge,
    Read,
    RoleRule,
    System,
    Vendor,
    below,
)
from collectors.vendors.load import load_vendors

__all__ = [
    "ENTITY",
    "FIELDS",
    "Banner",
    "Knowledge",
    "Read",
    "RoleRule",
    "System",
    "Vendor",
    "below",
    "load_vendors",
]
