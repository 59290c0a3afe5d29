"""A real S3 of the test session: Ceph's radosgw, which checks signatures."""
import json
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

    def log(self):
        """With a line for each request."""
        return pathlib.Path(self.folder, "log", "client.rgw.a.log").read_text(errors="replace")

    def client(self, service="s3"):
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{self.port}",
                            region_name="us-east-1", aws_access_key_id=ACCESS,
                            aws_secret_access_key=SECRET)

    def temporary_keys(self):
        """Keys of the same user for an hour, good only with their session token."""
        self.client("iam").put_user_policy(
            UserName=ACCESS, PolicyName="temporary", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}))
        return self.client("sts").get_session_token()["Credentials"]

    def settings(self, **changed):
        return {"bucket": "shop", "endpoint": f"127.0.0.1:{self.port}", "use_ssl": "false",
                "access_key_id": ACCESS, "secret_access_key": "env:SHOP_S3_SECRET", **changed}
