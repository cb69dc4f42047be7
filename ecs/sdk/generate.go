// Package sdk holds what the client of ECS in ecs-api/ecs/sdk/ecs is generated from: AWS's model of ECS of 2026, as SDK v1's own models ended in
// July 2024. Its generator, which is in the SDK's module, makes the client, so that the runtime stays aws-sdk-go v1 (docs/decisions/0007).
package sdk

//go:generate go run -tags codegen github.com/aws/aws-sdk-go/private/model/cli/gen-api -path=. -svc-import-path=ecs-api/ecs/sdk model/ecs/2014-11-13/api-2.json
//go:generate rm -r ecs/ecsiface
