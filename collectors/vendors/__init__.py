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
        values:                         facts of the vocabulary beyond FIELDS, one each; of several the first found
          - {oid: 1.3.6.1...0, as: sessions}
          - {oid: ..., as: battery_charge, times: 0.01}      in the vocabulary's unit: here per cent to a share
          - {oid: ..., as: memory_used, divide: 1.3.6.1...0}             by another object: what is used by all there is
          - {oid: ..., as: on_battery, when: '^5$', unknown: '^1$'}      yes, no, and what the device does not know
          - {oid: ..., as: ha_state, values: {'1': standalone, '2': active}}    what is not among them is left out
          - {column: 1.3.6.1..., as: processor_load, take: mean, times: 0.01}   of a column: one of TAKES
        tables:                         rows of the vocabulary's tables; a row's item is its `name`, or its index
          - as: sensor
            columns: {name: 1.3.6.1..., value: 1.3.6.1..., state: 1.3.6.1...}   cells: the table's columns; _x: not kept
            fixed: {kind: temperature, unit: °C}             the same in every row
            times: {value: 0.1}
            words: {state: {'1': ok, '2': alarm}}
            forms: {expires: date}                           one of FORMS
            where: {value: '^-?[1-9]'}                       patterns that the device's own values must fit
            multiply: {size: _unit}                          by another cell of the row; `divide` likewise
            split: {name: ['^(?P<name>\\S+)_(?P<version>\\S+)$']}   a text that says several cells; the first that fits
            long: true                                       read seldom: long, and changes little
        vlans: 1.3.6.1...               the column of its VLANs (1: in use; its last arc is the number), where each has
                                        a forwarding table of its own, told to community@number (optional)
    sip: [{pattern: '^Polycom/(?P<version>\\S+)', role: voip}]   in the User-Agent or Server header of SIP
    http: [{pattern: 'RouterOS', role: router}]                  in a web page's title, realm or Server header
    traps:                              what its notifications tell (of SNMPv1 traps the OID of RFC 3584 section 3.1);
                                        of several rules for an OID the first that fits
      - oid: [1.3.6.1.2.1.33.2.3]       one or more
        as: on_battery                  a kind of event of the vocabulary
        when: {1.3.6.1...: '^...$'}     what the values that come along must be, by object or column (optional)
        item: [1.3.6.1...]              what it is about: the first of these objects with text (optional)
        row: {interface: 1.3.6.1...}    where none names it: the table, and the object with the index of its row
        detail: [1.3.6.1...]            the values that people are told
        states: {on_battery: true}      facts that follow

`_any.yaml` has the same form and holds for every vendor: what the standard MIBs and the plain words of sysDescr say.
`enterprises.csv` names the vendors that have no file yet, `numbers.tsv` everybody else who has an enterprise number: it
is read only for a number that nothing else names. On a device without a sysObjectID a system is recognised by words
alone: where they are proof, say `object: any`; others count only if the sysDescr names the vendor or begins with them.
Regular expressions ignore case.
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
    TableRead,
    ValueRead,
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
    "TableRead",
    "ValueRead",
    "Vendor",
    "below",
    "load_vendors",
]
