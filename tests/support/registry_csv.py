"""Folders of registry files: a small sound registry, and variations of it."""

from collections.abc import Mapping
from pathlib import Path

from meterwatch.stores.registry_files import FILES

HEADERS = {spec.name: ",".join(column.name for column in spec.columns) for spec in FILES}

SOUND = {
    "customers": """\
customer,name,class,wheeling,unit,area
C1,宏达铸造厂,A1,no,一所,north
C2,Bright Hotel,A2,,一所,north
C3,Carried Gas Ltd,A1,yes,二所,south
""",
    "usage_points": """\
usage_point,commodity,time_zone,capacity,qmin,qmax
P1,gas,,,2,100
P2,electricity,,315,,
P3,燃气,Europe/Rome,,,
""",
    "agreements": """\
agreement,customer,usage_point,from,to
G1,C1,P1,2020-01-01,2022-07-01
G2,C3,P1,2022-07-01,
G3,C2,P2,2021-05-01,
""",
    "meters": """\
meter,usage_point,digits,multiplier,gateway,topic_filter,valid_from,valid_to,initial_index,final_index
M1,P1,6,,GW1,site/1/+,2020-01-01,2022-07-01 12:00,0,123456
M2,P1,6,1,GW1,site/1/+,2022-07-01 12:00,,5,
M3,P2,8,40,GW2,site/2/#,2021-05-01T00:00:00+08:00,,,
""",
    "people": """\
person,name,role,phone,email,unit,lang,from,to
K1,张伟,manager,138 0013-8000,zw@example.com,一所,,2020-01-01,
K2,Anna Bo,deputy,+86 139 1111 2222,,一所,en,,2024-01-01
K3,Chief,supervisor,010-123,,,,,
""",
    "assignments": """\
person,role,customer,class,area,from,to
K1,manager,,A1,,2020-01-01,
K1,manager,C2,,,,
K2,deputy,,,north,,
""",
    "contacts": """\
contact,customer,name,phone,role,from,to,paper_hash
N1,C1,李四,139 0000-0009,outage,2023-01-01,,
N2,C1,Old Hand,,main,,2023-01-01,
N3,C2,前台,010-7777,主,,,abababababababababababababababababababababababababababababababab
""",
    "zones": """\
zone,kind,parent
Z1,substation,
Z2,feeder,Z1
Z3,gate station,
""",
    "point_zones": """\
usage_point,zone,supply
P2,Z2,
P2,Z1,备供
P1,Z3,primary
""",
    "designations": """\
customer,category,grade,basis,approved_by,review_date
C1,infrastructure,特级,decision 2023-4,K3,2024-01-31
C2,公共服务,2,decision 2023-5,K3,2024-06-30
# C3 was important until the fair was over
""",
    "classifications": """\
customer,commodity,year,monthly_mean,months,provisional,large,decided_by,approved_by
C1,gas,2022,,0,是,否,K2,K3
C2,electricity,2021,3999.5,12,no,no,K1,K3
C2,electricity,2022,4100.25,12,no,yes,K1,K3
""",
}


def write_files(folder: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Write ``files`` by name, header lines for those not named, nothing for None; return ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**HEADERS, **files}.items():
        if content is not None:
            (folder / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
