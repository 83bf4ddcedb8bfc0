"""Where devices keep names, addresses and serial numbers: the columns and objects of the MIBs named beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from collectors.recording.snmprec import Oid, parse_oid
from collectors.vendors import load_vendors

_LLDP, _LLDP_2, _CDP = "1.0.8802.1.1.2.1", "1.3.111.2.802.1.1.13.1", "1.3.6.1.4.1.9.9.23.1"

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "host": (
        "1.3.6.1.2.1.1.5",  # SNMPv2-MIB sysName
        f"{_LLDP}.3.3",  # lldpLocSysName
        f"{_LLDP}.4.1.1.9",  # lldpRemSysName
        f"{_LLDP_2}.3.3",
        f"{_LLDP_2}.4.1.1.10",
        f"{_CDP}.2.1.1.6",  # cdpCacheDeviceId
        f"{_CDP}.2.1.1.17",  # cdpCacheSysName
        f"{_CDP}.3.4",  # cdpGlobalDeviceId
        "1.3.6.1.2.1.33.1.1.5",  # UPS-MIB upsIdentName
        "1.3.6.1.2.1.43.5.1.1.16",  # Printer-MIB prtGeneralPrinterName
        "1.3.6.1.4.1.9.2.1.3",  # OLD-CISCO-SYS-MIB hostName
        "1.3.6.1.4.1.318.1.1.1.1.1.2",  # PowerNet-MIB upsBasicIdentName
        "1.3.6.1.4.1.14179.2.2.1.1.3",  # AIRESPACE-WIRELESS-MIB bsnAPName
        "1.3.6.1.4.1.12356.101.13.2.1.1.11",  # FORTINET-FORTIGATE-MIB fgHaStatsHostname
        "1.3.6.1.4.1.14988.1.1.11.1.1.6",  # MIKROTIK-MIB mtxrNeighborIdentity
        "1.3.6.1.4.1.6876.2.1.1.2",  # VMWARE-VMINFO-MIB vmwVmDisplayName
    ),
    "domain": (
        "1.3.6.1.4.1.9.2.1.4",  # OLD-CISCO-SYS-MIB domainName
        f"{_CDP}.2.1.1.9",  # cdpCacheVTPMgmtDomain
        "1.3.6.1.4.1.9.9.46.1.2.1.1.2",  # CISCO-VTP-MIB managementDomainName
    ),
    "contact": (
        "1.3.6.1.2.1.1.4",  # sysContact
        "1.3.6.1.2.1.43.5.1.1.4",  # prtGeneralCurrentOperator, prtGeneralServicePerson
        "1.3.6.1.2.1.43.5.1.1.5",
    ),
    "location": (
        "1.3.6.1.2.1.1.6",  # sysLocation
        f"{_CDP}.2.1.1.23",  # cdpCachePhysLocation
        "1.3.6.1.4.1.14179.2.2.1.1.4",  # bsnAPLocation
    ),
    "alias": (
        "1.3.6.1.2.1.31.1.1.1.18",  # IF-MIB ifAlias
        "1.3.6.1.2.1.47.1.1.1.1.14",  # ENTITY-MIB entPhysicalAlias, entPhysicalAssetID, entPhysicalUris
        "1.3.6.1.2.1.47.1.1.1.1.15",
        "1.3.6.1.2.1.47.1.1.1.1.18",
        f"{_LLDP}.5.4795.1.2.8",  # LLDP-EXT-MED-MIB asset ids
        f"{_LLDP}.5.4795.1.3.3.1.7",
        "1.3.6.1.4.1.14988.1.1.2.1.1.2",  # mtxrQueueSimpleName: customers and offices
        "1.3.6.1.2.1.33.1.1.6",  # upsIdentAttachedDevices
        "1.3.6.1.4.1.9.2.2.1.1.28",  # OLD-CISCO-INTERFACES-MIB locIfDescr
    ),
    "vlan": (
        "1.3.6.1.2.1.17.7.1.4.3.1.1",  # Q-BRIDGE-MIB dot1qVlanStaticName
        "1.3.6.1.4.1.9.9.46.1.3.1.1.4",  # vtpVlanName
        f"{_LLDP}.5.32962.1.2.3.1.2",  # LLDP-EXT-DOT1-MIB names of VLANs, local and remote
        f"{_LLDP}.5.32962.1.3.3.1.2",
    ),
    "ssid": (
        "1.3.6.1.4.1.14179.2.1.1.1.2",  # bsnDot11EssSsid
        "1.3.6.1.4.1.9.9.512.1.1.1.1.4",  # CISCO-LWAPP-WLAN-MIB cLWlanSsid
        "1.3.6.1.4.1.14988.1.1.1.1.1.5",  # MIKROTIK-MIB mtxrWlStatSsid, mtxrWlApSsid
        "1.3.6.1.4.1.14988.1.1.1.3.1.4",
        "1.3.6.1.4.1.41112.1.4.5.1.2",  # UBNT-AirMAX-MIB ubntWlStatSsid
        "1.3.6.1.4.1.41112.1.6.1.2.1.6",  # UBNT-UniFi-MIB unifiVapEssId
        "1.3.6.1.4.1.25053.1.2.2.1.1.1.1.1.1",  # RUCKUS-ZD-WLAN-MIB ruckusZDWLANSSID
        "1.2.840.10036.1.1.1.9",  # IEEE802dot11-MIB dot11DesiredSSID
    ),
    "serial number": (
        "1.3.6.1.2.1.47.1.1.1.1.11",  # entPhysicalSerialNum, entPhysicalUUID
        "1.3.6.1.2.1.47.1.1.1.1.19",
        "1.3.6.1.2.1.43.5.1.1.17",  # prtGeneralSerialNumber
        "1.3.6.1.4.1.12356.101.13.2.1.1.2",  # fgHaStatsSerial
        "1.3.6.1.4.1.9.3.6.3",  # OLD-CISCO-CHASSIS-MIB chassisId
        f"{_LLDP}.5.4795.1.2.5",  # LLDP-EXT-MED-MIB serial numbers
        f"{_LLDP}.5.4795.1.3.3.1.4",
    ),
    "mac": (
        "1.3.6.1.2.1.2.2.1.6",  # ifPhysAddress
        "1.3.6.1.2.1.3.1.1.2",  # atPhysAddress
        "1.3.6.1.2.1.4.22.1.2",  # ipNetToMediaPhysAddress
        "1.3.6.1.2.1.4.35.1.4",  # ipNetToPhysicalPhysAddress
        "1.3.6.1.2.1.17.1.1",  # dot1dBaseBridgeAddress
        "1.3.6.1.2.1.17.4.3.1.1",  # dot1dTpFdbAddress
        "1.3.6.1.2.1.17.7.1.2.2.1.1",  # dot1qTpFdbAddress
        "1.3.6.1.2.1.55.1.5.1.8",  # ipv6IfPhysicalAddress
        "1.3.6.1.2.1.55.1.12.1.2",  # ipv6NetToMediaPhysAddress
        "1.3.6.1.4.1.14179.2.2.1.1.1",  # bsnAPDot3MacAddress
        "1.3.6.1.4.1.14179.2.2.1.1.33",
    ),
    "bridge": (
        "1.3.6.1.2.1.17.2.5",  # dot1dStpDesignatedRoot
        "1.3.6.1.2.1.17.2.15.1.6",  # dot1dStpPortDesignatedRoot, dot1dStpPortDesignatedBridge
        "1.3.6.1.2.1.17.2.15.1.8",
    ),
    "address": (
        "1.3.6.1.2.1.4.24.7.1.2",  # inetCidrRouteDest, inetCidrRouteNextHop
        "1.3.6.1.2.1.4.24.7.1.6",
        "1.3.6.1.2.1.4.34.1.2",
        "1.3.6.1.2.1.55.1.8.1.1",  # ipv6AddrAddress
        "1.3.6.1.2.1.55.1.12.1.1",
        f"{_CDP}.2.1.1.4",  # cdpCacheAddress, primary and secondary management addresses
        f"{_CDP}.2.1.1.20",
        f"{_CDP}.2.1.1.22",
    ),
    "chassis": (
        f"{_LLDP}.3.2",  # lldpLocChassisId, lldpRemChassisId
        f"{_LLDP}.4.1.1.5",
        f"{_LLDP_2}.3.2",
        f"{_LLDP_2}.4.1.1.6",
    ),
    "port": (
        f"{_LLDP}.3.7.1.3",  # lldpLocPortId, lldpLocPortDesc, lldpRemPortId, lldpRemPortDesc
        f"{_LLDP}.3.7.1.4",
        f"{_LLDP}.4.1.1.7",
        f"{_LLDP}.4.1.1.8",
        f"{_LLDP_2}.3.7.1.3",
        f"{_LLDP_2}.3.7.1.4",
        f"{_LLDP_2}.4.1.1.8",
        f"{_LLDP_2}.4.1.1.9",
    ),
    "engine": (
        "1.3.6.1.6.3.10.2.1.1",  # SNMP-FRAMEWORK-MIB snmpEngineID
    ),
    "version": (
        "1.3.6.1.2.1.1.2",
        "1.3.6.1.2.1.1.9",  # sysORTable
        "1.3.6.1.2.1.25.6.3",  # HOST-RESOURCES-MIB installed software
        "1.3.6.1.2.1.47.1.1.1.1.8",  # entPhysicalHardwareRev, FirmwareRev, SoftwareRev
        "1.3.6.1.2.1.47.1.1.1.1.9",
        "1.3.6.1.2.1.47.1.1.1.1.10",
    ),
}
"""Objects and columns by what stands in them; "version": where numbers with dots are no addresses."""

KINDS_OF_TEXT: Final = ("host", "domain", "contact", "location", "alias", "vlan", "ssid")


@cache
def _places() -> tuple[dict[Oid, str], int, int]:
    found = {parse_oid(oid): kind for kind, oids in PLACES.items() for oid in oids}
    known = load_vendors()
    for vendor in (*known.vendors, known.general):
        for system in vendor.systems:
            for read in system.reads:
                if read.source in ("oid", "column") and read.gives in ("serial", "version"):
                    kind = "serial number" if read.gives == "serial" else "version"
                    # An object from which several fields are cut is looked through as text.
                    if read.pattern is None:
                        found.setdefault(parse_oid(read.at), kind)
    return found, min(map(len, found)), max(map(len, found))


def place_of(oid: Oid) -> str:
    """What stands in an object, as a key of PLACES; empty where nobody knows."""
    found, shortest, longest = _places()
    for length in range(min(len(oid), longest), shortest - 1, -1):
        if kind := found.get(oid[:length]):
            return kind
    return ""
