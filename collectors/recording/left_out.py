"""What a recording leaves out whole, because it tells of people or secrets and identifies no device; and long tables.

The OIDs are those of the MIBs named beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from collectors.recording.snmprec import Oid, parse_oid

LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    "SNMP users, communities, targets and views": (
        "1.3.6.1.6.3.12",  # SNMP-TARGET-MIB
        "1.3.6.1.6.3.13",  # SNMP-NOTIFICATION-MIB
        "1.3.6.1.6.3.14",  # SNMP-PROXY-MIB
        "1.3.6.1.6.3.15",  # SNMP-USER-BASED-SM-MIB
        "1.3.6.1.6.3.16",  # SNMP-VIEW-BASED-ACM-MIB
        "1.3.6.1.6.3.18",  # SNMP-COMMUNITY-MIB
        "1.3.6.1.4.1.8072.1.9",  # NET-SNMP-VACM-MIB
        "1.3.6.1.4.1.14179.2.4.2",  # AIRESPACE-SWITCHING-MIB communities and users
    ),
    "connections": (
        "1.3.6.1.2.1.6.13",  # TCP-MIB tcpConnTable
        "1.3.6.1.2.1.6.19",  # tcpConnectionTable
        "1.3.6.1.2.1.6.20",  # tcpListenerTable
        "1.3.6.1.2.1.7.5",  # UDP-MIB udpTable
        "1.3.6.1.2.1.7.7",  # udpEndpointTable
        "1.3.6.1.2.1.55.1.10",  # IPV6-UDP-MIB, and 6.16 IPV6-TCP-MIB
        "1.3.6.1.2.1.6.16",
        "1.3.6.1.2.1.7.6",
        "1.3.6.1.2.1.104",  # SCTP-MIB
        "1.3.6.1.4.1.9.2.6.1",  # OLD-CISCO-TCP-MIB
        "1.3.6.1.4.1.9.9.387",  # CISCO-NETFLOW-MIB
    ),
    "running programs' paths and parameters": (
        "1.3.6.1.2.1.25.4.2.1.4",  # HOST-RESOURCES-MIB hrSWRunPath
        "1.3.6.1.2.1.25.4.2.1.5",  # hrSWRunParameters
        "1.3.6.1.2.1.25.1.4.0",  # hrSystemInitialLoadParameters
        "1.3.6.1.2.1.62",  # APPLICATION-MIB
        "1.3.6.1.2.1.54",  # SYSAPPL-MIB
        "1.3.6.1.4.1.2021.2",  # UCD-SNMP-MIB prTable, extTable, files and matches of logs
        "1.3.6.1.4.1.2021.8",
        "1.3.6.1.4.1.2021.15",
        "1.3.6.1.4.1.2021.16",
        "1.3.6.1.4.1.8072.1.3.2.2",  # NET-SNMP-EXTEND-MIB nsExtendConfigTable
    ),
    "scripts, events and schedules": (
        "1.3.6.1.2.1.63",  # DISMAN-SCHEDULE-MIB
        "1.3.6.1.2.1.64",  # DISMAN-SCRIPT-MIB
        "1.3.6.1.2.1.80",  # DISMAN-PING-MIB
        "1.3.6.1.2.1.81",  # DISMAN-TRACEROUTE-MIB
        "1.3.6.1.2.1.88",  # DISMAN-EVENT-MIB
        "1.3.6.1.2.1.90",  # DISMAN-EXPRESSION-MIB
        "1.3.6.1.4.1.14988.1.1.8",  # MIKROTIK-MIB scripts
        "1.3.6.1.4.1.9.9.42.1.2",  # CISCO-RTTMON-MIB what is measured
    ),
    "logs": (
        "1.3.6.1.2.1.16.9",  # RMON-MIB events and their log
        "1.3.6.1.2.1.92",  # NOTIFICATION-LOG-MIB
        "1.3.6.1.2.1.192",  # SYSLOG-MSG-MIB
        "1.3.6.1.2.1.43.18",  # Printer-MIB alerts
        "1.3.6.1.4.1.8072.1.7",  # NET-SNMP-AGENT-MIB logging
        "1.3.6.1.4.1.9.9.41.1.2",  # CISCO-SYSLOG-MIB
        "1.3.6.1.4.1.9.9.43.1.1.6",  # CISCO-CONFIG-MAN-MIB who configured what
        "1.3.6.1.4.1.9.9.96",  # CISCO-CONFIG-COPY-MIB
    ),
    "users and their sessions": (
        "1.3.6.1.4.1.77.1.2.3",  # LanMgr-Mib-II-MIB sessions, users, shares, print jobs
        "1.3.6.1.4.1.77.1.2.4",
        "1.3.6.1.4.1.77.1.2.20",
        "1.3.6.1.4.1.77.1.2.25",
        "1.3.6.1.4.1.77.1.2.27",
        "1.3.6.1.4.1.77.1.2.29",
        "1.3.6.1.4.1.77.1.3",
        "1.3.6.1.4.1.77.1.4",
        "1.3.6.1.4.1.2699.1.1",  # Job-Monitoring-MIB
        "1.3.6.1.4.1.11.2.3.9.4.2.1.1.6.5",  # LaserJet-Common-MIB names and owners of print jobs
        "1.3.6.1.4.1.9.2.9",  # OLD-CISCO-TS-MIB lines and who sits at them
        "1.3.6.1.4.1.9.9.150.1.1",  # CISCO-AAA-SESSION-MIB
        "1.3.6.1.4.1.9.9.392.1.3",  # CISCO-REMOTE-ACCESS-MONITOR-MIB sessions
        "1.3.6.1.4.1.9.9.171.1.2",  # CISCO-IPSEC-FLOW-MONITOR-MIB tunnels
        "1.3.6.1.4.1.9.9.599",  # CISCO-LWAPP-DOT11-CLIENT-MIB
        "1.3.6.1.4.1.9.9.656",  # CISCO-AUTH-FRAMEWORK-MIB
        "1.3.6.1.4.1.14179.2.1.4",  # AIRESPACE-WIRELESS-MIB clients
        "1.3.6.1.4.1.14179.2.1.14",
        "1.3.6.1.4.1.14823.2.2.1.4.1",  # WLSX-USER-MIB
        "1.3.6.1.4.1.14823.2.2.1.5.2.2",  # WLSX-WLAN-MIB stations
        "1.3.6.1.4.1.25053.1.2.2.1.1.3",  # RUCKUS-ZD-WLAN-MIB stations
        "1.3.6.1.4.1.12356.101.12.2.3",  # FORTINET-FORTIGATE-MIB tunnels, SSL VPN users, administrators
        "1.3.6.1.4.1.12356.101.12.2.4",
        "1.3.6.1.4.1.12356.101.11.2",
        "1.3.6.1.4.1.14988.1.1.5",  # MIKROTIK-MIB hotspot
        "1.3.6.1.4.1.14988.1.1.6",
        "1.3.6.1.4.1.14988.1.1.1.2",  # its stations
        "1.3.6.1.4.1.41112.1.4.7",  # UBNT-AirMAX-MIB stations
        "1.3.6.1.2.1.67",  # RADIUS clients and servers
        "1.3.6.1.2.1.10.23",  # PPP-LCP-MIB and PPP-SEC-MIB secrets
    ),
    "places and telephones": (
        "1.0.8802.1.1.2.1.5.4795.1.2.9",  # LLDP-EXT-MED-MIB locations, local and remote
        "1.0.8802.1.1.2.1.5.4795.1.3.4",
    ),
    "who talks to whom": (
        "1.3.6.1.2.1.16.4",  # RMON-MIB hosts, matrix, filter, capture
        "1.3.6.1.2.1.16.5",
        "1.3.6.1.2.1.16.6",
        "1.3.6.1.2.1.16.7",
        "1.3.6.1.2.1.16.8",
        "1.3.6.1.2.1.16.12",  # RMON2-MIB
        "1.3.6.1.2.1.16.13",
        "1.3.6.1.2.1.16.14",
        "1.3.6.1.2.1.16.15",
        "1.3.6.1.2.1.16.16",
        "1.3.6.1.2.1.16.17",
        "1.3.6.1.2.1.16.18",
        "1.3.6.1.2.1.85",  # IGMP-STD-MIB
        "1.3.6.1.2.1.91",  # MLD-MIB
        "1.3.6.1.2.1.83",  # IPMROUTE-STD-MIB
        "1.3.6.1.2.1.185",  # MGMD-STD-MIB
        "1.3.6.1.2.1.184",  # IPMCAST-MIB
    ),
}
"""Subtrees by what they hold."""

INDEXES: Final[Mapping[str, str]] = {
    "1.3.6.1.2.1.3.1.1": "n n ip4",  # RFC1213-MIB atTable
    "1.3.6.1.2.1.4.20.1": "ip4",  # IP-MIB ipAddrTable
    "1.3.6.1.2.1.4.21.1": "ip4",  # RFC1213-MIB ipRouteTable
    "1.3.6.1.2.1.4.22.1": "n ip4",  # IP-MIB ipNetToMediaTable
    "1.3.6.1.2.1.4.24.2.1": "ip4 n n ip4",  # IP-FORWARD-MIB ipForwardTable
    "1.3.6.1.2.1.4.24.4.1": "ip4 ip4 n ip4",  # ipCidrRouteTable
    "1.3.6.1.2.1.4.24.7.1": "inet n oid inet",  # inetCidrRouteTable
    "1.3.6.1.2.1.4.32.1": "n inet n",  # IP-MIB ipAddressPrefixTable
    "1.3.6.1.2.1.4.34.1": "inet",  # ipAddressTable
    "1.3.6.1.2.1.4.35.1": "n inet",  # ipNetToPhysicalTable
    "1.3.6.1.2.1.4.37.1": "inet n",  # ipDefaultRouterTable
    "1.3.6.1.2.1.14.2.1": "ip4",  # OSPF-MIB
    "1.3.6.1.2.1.14.3.1": "ip4 n",
    "1.3.6.1.2.1.14.4.1": "ip4 n ip4 ip4",
    "1.3.6.1.2.1.14.5.1": "ip4 n",
    "1.3.6.1.2.1.14.6.1": "ip4 ip4",
    "1.3.6.1.2.1.14.7.1": "ip4 n",
    "1.3.6.1.2.1.14.8.1": "ip4 n n",
    "1.3.6.1.2.1.14.9.1": "ip4 ip4",
    "1.3.6.1.2.1.14.10.1": "ip4 n",
    "1.3.6.1.2.1.14.11.1": "ip4 ip4",
    "1.3.6.1.2.1.14.12.1": "n ip4 ip4",
    "1.3.6.1.2.1.14.14.1": "ip4 n ip4 ip4",
    "1.3.6.1.2.1.15.3.1": "ip4",  # BGP4-MIB
    "1.3.6.1.2.1.15.6.1": "ip4 n ip4",
    "1.3.6.1.2.1.17.4.3.1": "mac",  # BRIDGE-MIB dot1dTpFdbTable
    "1.3.6.1.2.1.17.5.1.1": "mac n",  # dot1dStaticTable
    "1.3.6.1.2.1.17.7.1.2.2.1": "n mac",  # Q-BRIDGE-MIB dot1qTpFdbTable
    "1.3.6.1.2.1.17.7.1.2.3.1": "n mac n",  # dot1qTpGroupTable
    "1.3.6.1.2.1.17.7.1.3.1.1": "n mac n",  # dot1qStaticUnicastTable
    "1.3.6.1.2.1.17.7.1.3.2.1": "n mac n",  # dot1qStaticMulticastTable
    "1.3.6.1.2.1.23.3.1": "ip4 n",  # RIPv2-MIB
    "1.3.6.1.2.1.31.1.4.1": "n str",  # IF-MIB ifRcvAddressTable
    "1.3.6.1.2.1.55.1.8.1": "n ip6",  # IPV6-MIB addresses, routes, neighbours
    "1.3.6.1.2.1.55.1.11.1": "ip6 n n",
    "1.3.6.1.2.1.55.1.12.1": "n ip6",
    "1.3.6.1.2.1.68.1.4.1": "n n ip4",  # VRRP-MIB vrrpAssoIpAddrTable
    "1.0.8802.1.1.2.1.1.7.1": "addr",  # LLDP-MIB lldpConfigManAddrTable
    "1.0.8802.1.1.2.1.3.8.1": "addr",  # lldpLocManAddrTable
    "1.0.8802.1.1.2.1.4.2.1": "n n n addr",  # lldpRemManAddrTable
    "1.3.111.2.802.1.1.13.1.3.8.1": "addr",  # LLDP-V2-MIB
    "1.3.111.2.802.1.1.13.1.4.2.1": "n n n n addr",
}
"""What the indexes of tables are made of, behind the entry's OID and the column.

n: a number; ip4, ip6, mac: that many octets; inet: InetAddressType and InetAddress (RFC 4001); addr: an address family
and its address (IEEE 802.1AB); str: a length and octets; oid: a length and arcs. What follows is left to be found.
"""

_LONG: Final = (
    "1.3.6.1.2.1.25.4.2.1",  # HOST-RESOURCES-MIB running and installed programs
    "1.3.6.1.2.1.25.5.1.1",
    "1.3.6.1.2.1.25.6.3.1",
    "1.3.6.1.6.3.1.1.6.1",
)

_LEFT_OUT: Final = {parse_oid(oid): why for why, oids in LEFT_OUT.items() for oid in oids}
_ENTRIES: Final = {parse_oid(oid) for oid in (*INDEXES, *_LONG)}
_SHORTEST: Final = min(map(len, _LEFT_OUT))
_LONGEST: Final = max(map(len, (*_LEFT_OUT, *_ENTRIES)))


def is_left_out(oid: Oid) -> str:
    """Why an object is not kept; empty where it is."""
    for length in range(_SHORTEST, min(len(oid), _LONGEST) + 1):
        if why := _LEFT_OUT.get(oid[:length]):
            return why
    return ""


def long_column(oid: Oid) -> Oid:
    """The column of a table known to grow long that the object belongs to; empty where it belongs to none."""
    for length in range(8, min(len(oid) - 1, _LONGEST) + 1):
        if oid[:length] in _ENTRIES:
            return oid[: length + 1]
    return ()
