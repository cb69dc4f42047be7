"""A caller of ecs-api by way of a generated Python client: .ci/client runs it."""
import json
import sys

import ecsapi
from ecsapi.api.after_the_change_api import AfterTheChangeApi
from ecsapi.api.orchestration_api import OrchestrationApi

client = ecsapi.ApiClient(ecsapi.Configuration(host=sys.argv[1]), header_name="X-Auth-Token", header_value="local")
services, after = OrchestrationApi(client), AfterTheChangeApi(client)
at = ("local", "typed-python", "www")

created = services.create_service(
    "local",
    ecsapi.CreateRequest(
        cluster=ecsapi.CreateClusterInput(cluster_name=at[1]),
        task_definition=ecsapi.RegisterTaskDefinitionInput(
            family="typed-python", cpu="256", memory="512",
            container_definitions=[ecsapi.ContainerDefinition(name="web", image="nginx:1")]),
        service=ecsapi.CreateServiceInput(service_name=at[2], desired_count=1)),
    wait=60)
print("created", created.service.service_arn, created.deployment.outcome)

patched = services.patch_service(*at, ecsapi.PatchRequest(desired_count=2, containers={"web": ecsapi.ContainerPatch(image="nginx:2")}))
waited = after.wait_for_service(*at, deployment=patched.deployment.id, timeout=60)
assert waited.outcome == "succeeded", waited
rolled_back = services.roll_back_service(*at, rollback_request=ecsapi.RollbackRequest(reason="a test"), wait=60)
print("rolled back to", rolled_back.task_definition.task_definition_arn)
status = after.show_service_status(*at)
assert (status.state, status.desired_count) == ("steady", 2), status

try:
    ecsapi.PatchRequest(desired_cuont=3)
    sys.exit("a misspelt count was taken")
except TypeError as refused:
    print("refused", refused)
try:
    services.patch_service(*at, {"DesiredCount": -1})
    sys.exit("a negative count was taken")
except ecsapi.ApiException as refused:
    problem = json.loads(refused.body)
    assert (refused.status, problem["code"]) == (400, "InvalidRequest"), problem

services.delete_service(*at, recursive=True)
print("deleted")
