"""A real S3 of the test session: Ceph's radosgw, which checks signatures."""
import pathlib
import shutil
import subprocess
import tempfile

import boto3

SCRIPT = pathlib.Path(__file__).with_name("radosgw.sh")
ACCESS, SECRET = "millrace", "millrace-secret"


class S3Server:
    def __init__(self, port):
        # Its socket paths must stay short.
        self.folder = tempfile.mkdtemp(prefix="rgw-")
        self.port = port

    def start(self):
        subprocess.run([SCRIPT, "start", self.folder, str(self.port)], check=True, timeout=360)
        return self

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder], check=True, timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self):
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}",
                            region_name="us-east-1", aws_access_key_id=ACCESS,
                            aws_secret_access_key=SECRET)

    def settings(self, **changed):
        return {"bucket": "shop", "endpoint": f"127.0.0.1:{self.port}", "use_ssl": "false",
                "access_key_id": ACCESS, "secret_access_key": "env:SHOP_S3_SECRET", **changed}
