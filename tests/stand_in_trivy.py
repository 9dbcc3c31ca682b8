"""A program in Trivy's place: it takes Trivy's options, looks at the OCI image layout it is given, and answers with a
report as Trivy documents it. It is no Trivy: what it finds is written down here."""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = """#!{python}
import json, os, pathlib, sys, time
arguments = sys.argv[1:]
given = dict(zip(arguments, arguments[1:]))
assert arguments[0] == "image" and given["--format"] == "json" and given["--scanners"] == "vuln", arguments
assert {{"--offline-scan", "--skip-db-update"}} <= set(arguments), arguments
how = {how!r}
if how == "hang":
    time.sleep(600)
if how == "fail":
    sys.exit("2024-05-01T10:00:00Z\\tFATAL\\tFatal error\\tscan error: the image cannot be read")
if how == "junk":
    sys.exit(print("no report"))
if how == "endless":
    while True:
        print("x" * 1_000_000)
if not pathlib.Path(given["--cache-dir"], "db", "metadata.json").exists():
    sys.exit("FATAL init error: DB error: database error: --skip-db-update cannot be specified on the first run")
layout = pathlib.Path(given["--input"])
assert json.loads((layout / "oci-layout").read_text())["imageLayoutVersion"] == "1.0.0"
[entry] = json.loads((layout / "index.json").read_text())["manifests"]
blob = lambda digest: (layout / "blobs" / digest.replace(":", "/")).read_bytes()
manifest = json.loads(blob(entry["digest"]))
assert len(blob(manifest["config"]["digest"])) == manifest["config"]["size"]
layers = [one["digest"] for one in manifest["layers"]]
assert all(len(blob(one["digest"])) == one["size"] for one in manifest["layers"])
report = {{"SchemaVersion": 2, "ArtifactName": str(layout), "ArtifactType": "container_image"}}
if how != "nothing":
    report["Metadata"] = {{"OS": {{"Family": "debian", "Name": "12.5"}}, "ImageID": manifest["config"]["digest"]}}
    report["Results"] = [
        {{"Target": "image (debian 12.5)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [{{
            "VulnerabilityID": "CVE-2022-37434", "PkgID": "zlib1g@1:1.2.13.dfsg-1", "PkgName": "zlib1g",
            "PkgIdentifier": {{"PURL": "pkg:deb/debian/zlib1g@1.2.13.dfsg-1?arch=amd64&distro=debian-12.5&epoch=1"}},
            "InstalledVersion": "1:1.2.13.dfsg-1", "FixedVersion": "1:1.2.13.dfsg-2", "Status": "fixed",
            "Layer": {{"Digest": layers[0], "DiffID": "sha256:" + "d" * 64}}, "SeveritySource": "nvd",
            "PrimaryURL": "https://avd.aquasec.com/nvd/cve-2022-37434",
            "DataSource": {{"ID": "debian", "Name": "Debian Security Tracker", "URL": "https://x"}},
            "Title": "zlib: heap-based buffer over-read", "Description": "zlib through 1.2.12 has a ...",
            "Severity": "CRITICAL", "CweIDs": ["CWE-787"],
            "CVSS": {{"nvd": {{"V2Vector": "AV:N/AC:L/Au:N/C:P/I:P/A:P", "V2Score": 7.5,
                "V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V3Score": 9.8}},
                "redhat": {{"V3Vector": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:H", "V3Score": 7}}}},
            "References": ["https://security-tracker.debian.org/tracker/CVE-2022-37434"],
            "PublishedDate": "2022-08-05T07:15:07.24Z", "LastModifiedDate": "2023-07-19T00:56:46.373Z"}}]}},
        {{"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg", "Vulnerabilities": [{{
            "VulnerabilityID": "GHSA-h5c8-rqwp-cp95", "PkgName": "Jinja2", "PkgPath": "srv/Jinja2.dist-info/METADATA",
            "InstalledVersion": "3.1.2", "Layer": {{"DiffID": "sha256:" + "e" * 64}}, "Severity": "UNKNOWN"}}]}},
        {{"Target": "Node.js", "Class": "lang-pkgs", "Type": "node-pkg"}},
    ]
print(json.dumps(report))
"""


def put_trivy(folder: Path, how: str = "") -> Path:
    """The program, in `folder`. `how`: hang, fail, junk, endless, nothing; else it finds two vulnerabilities."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "trivy"
    program.write_text(_PROGRAM.format(python=sys.executable, how=how))
    program.chmod(0o755)
    return program


def put_database(cache: Path, updated_at: str = "2024-05-01T06:11:22.123456789Z") -> None:
    """What Trivy keeps beside its database."""
    (cache / "db").mkdir(parents=True, exist_ok=True)
    (cache / "db" / "metadata.json").write_text(f'{{"Version": 2, "UpdatedAt": "{updated_at}"}}')
