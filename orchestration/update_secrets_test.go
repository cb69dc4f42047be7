package orchestration

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go/aws"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// TestAnUpdateSparesSecretsThatOthersUse stops using credentials that another service's images are pulled with as well.
func TestAnUpdateSparesSecretsThatOthersUse(t *testing.T) {
	t.Parallel()
	for how, ref := range map[string]func(*CreateOutput) *string{
		"by ARN":  func(made *CreateOutput) *string { return made.Credentials["webserver"].ARN },
		"by name": func(made *CreateOutput) *string { return made.Credentials["webserver"].Name },
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			made := w.create(t, wholeService(t, "myclu", "www"))
			other := wholeService(t, "myclu", "api")
			other.Credentials = nil
			other.TaskDefinition.ContainerDefinitions[0].RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: ref(made)}
			w.create(t, other)
			const secret = "secretsmanager:secret spinup/localdev/myclu/www-cred"
			if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates["task definition without credentials"], made)); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(inventory(w.aws), secret) {
				t.Error("the secret is gone, and the other service needs it")
			}
			if _, _, err := w.Delete(t.Context(), "myclu", "www", true); err != nil {
				t.Fatal(err)
			}
			w.wait()
			if !slices.Contains(inventory(w.aws), secret) {
				t.Error("the secret is gone with its service, and the other service needs it")
			}
		})
	}
}

// TestAnUpdateAsksForEachSecret sees that no list is asked for, which may be minutes behind: the secret that a create has just made is found.
func TestAnUpdateAsksForEachSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tags", "changed credentials", "another family"} {
		sim := localaws.New(localaws.WithFaults(localaws.Fault{Operation: "ListSecrets", Times: -1, Effect: localaws.Refuse}))
		w := newWorld(t, sim)
		made := w.create(t, wholeService(t, "myclu", "www"))
		if _, err := w.Update(t.Context(), "myclu", "www", updateInput(t, updates[name], made)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		secret, err := w.account.Secrets.Secret(t.Context(), aws.StringValue(made.Credentials["webserver"].ARN))
		if err != nil {
			t.Fatal(err)
		}
		if secret.DeletedDate != nil {
			t.Errorf("%s: the secret is scheduled for deletion", name)
		}
	}
}

// TestWhatStartsTasksRestoresTheirSecrets schedules the service's secret for deletion by hand: its tasks could not start any more.
func TestWhatStartsTasksRestoresTheirSecrets(t *testing.T) {
	t.Parallel()
	const secret = "spinup/localdev/myclu/www-cred"
	tests := []struct {
		name     string
		restores bool
		change   func(*world) (*UpdateOutput, error)
	}{
		{"restart", true, func(w *world) (*UpdateOutput, error) { return w.Restart(t.Context(), "myclu", "www") }},
		{"PUT of a redeploy", true, func(w *world) (*UpdateOutput, error) {
			return w.Update(t.Context(), "myclu", "www", &UpdateInput{ForceRedeploy: aws.Bool(true)})
		}},
		{"PUT of a count", true, func(w *world) (*UpdateOutput, error) {
			return w.Update(t.Context(), "myclu", "www", &UpdateInput{Service: &awsecs.UpdateServiceInput{DesiredCount: aws.Int64(2)}})
		}},
		{"PATCH of a count", true, func(w *world) (*UpdateOutput, error) {
			return w.Patch(t.Context(), "myclu", "www", &PatchInput{DesiredCount: aws.Int64(2)})
		}},
		{"power stop", false, func(w *world) (*UpdateOutput, error) {
			return w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("stop")})
		}},
		{"power start", true, func(w *world) (*UpdateOutput, error) {
			if _, err := w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("stop")}); err != nil {
				return nil, err
			}
			return w.Power(t.Context(), "myclu", "www", &PowerInput{State: aws.String("start")})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			w.create(t, wholeService(t, "myclu", "www"))
			if _, err := w.account.Secrets.DeleteSecret(t.Context(), secret, 7); err != nil {
				t.Fatal(err)
			}
			if _, err := tt.change(w); err != nil {
				t.Fatal(err)
			}
			found, err := w.account.Secrets.Secret(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			if restored := found.DeletedDate == nil; restored != tt.restores {
				t.Errorf("restored: %t, want %t", restored, tt.restores)
			}
		})
	}
}
