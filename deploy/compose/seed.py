"""Writes the config of docker-compose.yml: moto's default VPC has other ids each time it starts, so they must be asked for.

Usage: seed.py ENDPOINT FILE, where ENDPOINT is moto's address as ecs-api reaches it.
"""

import json
import sys

import boto3

endpoint, file = sys.argv[1:]
access = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ec2 = boto3.client("ec2", **access)
kms = boto3.client("kms", **access)
cloud_map = boto3.client("servicediscovery", **access)

subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
if not any(a["AliasName"] == "alias/ecs-api" for a in kms.list_aliases()["Aliases"]):
    key = kms.create_key(Description="parameters and secrets")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/ecs-api", TargetKeyId=key)
namespaces = cloud_map.list_namespaces()["Namespaces"]
if not namespaces:
    cloud_map.create_private_dns_namespace(Name="local", Vpc=subnets[0]["VpcId"])
    namespaces = cloud_map.list_namespaces()["Namespaces"]

config = {
    "listenAddress": ":8080",
    "org": "localdev",
    "accounts": {
        "moto": {
            "region": "us-east-1",
            "akid": "test",
            "secret": "test",
            "endpoint": endpoint,
            "defaultSubnets": [s["SubnetId"] for s in subnets[:2]],
            "defaultSgs": [g["GroupId"] for g in groups if g["VpcId"] == subnets[0]["VpcId"]],
            "defaultKmsKeyId": "alias/ecs-api",
        }
    },
}
with open(file, "w", encoding="utf-8") as f:
    json.dump(config, f, indent=2)
    f.write("\n")
print(f"wrote {file}; the namespace for service registries is {namespaces[0]['Id']}")
