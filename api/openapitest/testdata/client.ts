// A caller of ecs-api by way of a generated TypeScript client: .ci/client compiles it, strictly, and runs it.
import { createService, deleteService, listDeployments, patchService, rollBackService, showServiceStatus, waitForService } from "./ecsapi/index.js";
import type { CreateRequest, DryRun, Operation, Outcome, PatchRequest, Problem, UpdateRequest } from "./ecsapi/index.js";
import { client } from "./ecsapi/client.gen.js";

declare const process: { argv: string[]; exitCode: number };

client.setConfig({ baseUrl: process.argv[2], headers: { "X-Auth-Token": "local" } });
const path = { account: "local", cluster: "typed", service: "www" };

// ok returns what a request got, or throws the problem, whose code callers branch on.
function ok<T>(what: string, result: { data?: T; error?: unknown }): T {
  const problem = result.error as Problem | undefined;
  if (problem) throw new Error(`${what}: ${problem.code}: ${problem.detail}`);
  if (result.data === undefined) throw new Error(`${what}: no body`);
  return result.data;
}

// applied returns the response of a write, if that is neither the plan of a dry run nor an operation in the background.
function applied<T extends object>(what: string, result: { data?: T; error?: unknown }): Exclude<T, DryRun | Operation> {
  const response = ok(what, result);
  if ("DryRun" in response || "startedAt" in response) throw new Error(`${what}: nothing was applied yet`);
  return response as Exclude<T, DryRun | Operation>;
}

async function main() {
  const created = applied("create", await createService({
    path: { account: "local" }, query: { wait: 60 }, headers: { "Idempotency-Key": `typed-${Date.now()}` },
    body: {
      Cluster: { ClusterName: "typed" },
      TaskDefinition: {
        Family: "typed", Cpu: "256", Memory: "512",
        ContainerDefinitions: [{
          Name: "web", Image: "nginx:1", PortMappings: [{ ContainerPort: 80, Protocol: "tcp" }],
          DependsOn: [{ ContainerName: "side", Condition: "START" }],
        }, { Name: "side", Image: "busybox:1", Essential: false, Command: ["sleep", "infinity"] }],
      },
      Service: { ServiceName: "www", DesiredCount: 1 },
    },
  }));
  console.log("created", created.Service.ServiceArn, created.Deployment?.Outcome);

  const patched = applied("patch", await patchService({
    path, body: { DesiredCount: 2, Containers: { web: { Image: "nginx:2", Environment: { LOG_LEVEL: "debug" } } } },
  }));
  if (!patched.Deployment) throw new Error("the patch started no deployment");

  const waited = ok("wait", await waitForService({ path, query: { deployment: patched.Deployment.Id, timeout: 60 } }));
  const outcome: Outcome | null = waited.Outcome;
  if (outcome !== "succeeded") throw new Error(`the patch ended ${outcome}`);

  const back = applied("roll back", await rollBackService({ path, query: { wait: 60 }, body: { Reason: "a test" } }));
  if (back.Deployment?.Outcome !== "succeeded") throw new Error(`the rollback ended ${back.Deployment?.Outcome}`);
  console.log("rolled back to", back.TaskDefinition?.TaskDefinitionArn);

  const status = ok("status", await showServiceStatus({ path }));
  if (status.State !== "steady" || status.DesiredCount !== 2) throw new Error(`${status.State}: ${status.Summary}`);
  const deployments = ok("deployments", await listDeployments({ path }));
  console.log(deployments.map((d) => `${d.State} ${d.TaskDefinition}`));

  const wrong = await patchService({ path, body: { DesiredCount: -1 } });
  if (wrong.error?.code !== "InvalidRequest" || wrong.error.errors?.[0]?.field !== "DesiredCount") throw new Error(JSON.stringify(wrong.error));

  ok("delete", await deleteService({ path, query: { recursive: true } }));
  console.log("deleted");
}

// What the compiler must refuse: it fails where it does not.
export const refused = () => {
  // @ts-expect-error a misspelt count
  void patchService({ path, body: { DesiredCuont: 3 } });
  // @ts-expect-error a misspelt query parameter
  void deleteService({ path, query: { recursve: true } });
  // @ts-expect-error a state that services do not have
  if (path.service === "" as never) void showServiceStatus({ path }).then((r) => r.data?.State === "healthy");
  const creates: CreateRequest[] = [
    // @ts-expect-error a misspelt count
    { Service: { ServiceName: "www", DesiredCuont: 1 } },
    // @ts-expect-error a condition that ECS does not have
    { Service: { ServiceName: "www" }, TaskDefinition: { Family: "f", ContainerDefinitions: [{ Name: "a", Image: "b", DependsOn: [{ ContainerName: "c", Condition: "READY" }] }] } },
    // @ts-expect-error a container without an image
    { Service: { ServiceName: "www" }, TaskDefinition: { Family: "f", ContainerDefinitions: [{ Name: "a" }] } },
    // @ts-expect-error a service without a name
    { Service: {} },
  ];
  // @ts-expect-error a misspelt environment
  const patch: PatchRequest = { Containers: { web: { Enviroment: {} } } };
  // @ts-expect-error a misspelt tag list
  const update: UpdateRequest = { Service: { DesiredCount: 1 }, Tag: [] };
  return [creates, patch, update];
};

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
