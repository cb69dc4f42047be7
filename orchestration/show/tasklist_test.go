package show

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	awsecs "ecs-api/ecs/sdk/ecs"
)

// steady returns a service that ECS has nothing to do for.
func steady(change func(*awsecs.Service)) *awsecs.Service {
	when := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	s := &awsecs.Service{
		ServiceArn: aws.String("arn:aws:ecs:us-east-1:123456789012:service/clu/www"), CreatedAt: &when, Status: aws.String("ACTIVE"), TaskDefinition: aws.String("www:1"),
		DesiredCount: aws.Int64(2), RunningCount: aws.Int64(2), PendingCount: aws.Int64(0),
		Deployments: []*awsecs.Deployment{{
			Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), RolloutState: aws.String("COMPLETED"), RunningCount: aws.Int64(2), PendingCount: aws.Int64(0),
			FailedTasks: aws.Int64(0), UpdatedAt: &when,
		}},
		Events: []*awsecs.ServiceEvent{{Id: aws.String("event-1"), CreatedAt: &when}},
	}
	if change != nil {
		change(s)
	}
	return s
}

func TestAListOfTasksIsShownAgainWhileTheServiceLooksTheSame(t *testing.T) {
	at, start := target{"clu", "www"}, time.Date(2026, 11, 27, 1, 0, 0, 0, time.UTC)
	later := start.Add(time.Hour)
	for name, change := range map[string]func(*awsecs.Service){
		"another one of its name":  func(s *awsecs.Service) { s.CreatedAt = &later },
		"another desired count":    func(s *awsecs.Service) { s.DesiredCount, s.RunningCount = aws.Int64(3), aws.Int64(3) },
		"another running count":    func(s *awsecs.Service) { s.RunningCount = aws.Int64(1) },
		"a pending task":           func(s *awsecs.Service) { s.PendingCount = aws.Int64(1) },
		"another revision":         func(s *awsecs.Service) { s.TaskDefinition = aws.String("www:2") },
		"another deployment":       func(s *awsecs.Service) { s.Deployments[0].Id = aws.String("ecs-svc/2") },
		"a deployment was updated": func(s *awsecs.Service) { s.Deployments[0].UpdatedAt = &later },
		"a task failed":            func(s *awsecs.Service) { s.Deployments[0].FailedTasks = aws.Int64(1) },
		"an event, as a task that was replaced has": func(s *awsecs.Service) {
			s.Events = append([]*awsecs.ServiceEvent{{Id: aws.String("event-2"), CreatedAt: &later}}, s.Events...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := newLastSeen(), start
			see := func(service *awsecs.Service, after, want time.Duration) {
				t.Helper()
				now = now.Add(after)
				if got := s.see(at, service, now); got != want {
					t.Errorf("after %v a list may be %v old, want %v", now.Sub(start), got, want)
				}
			}
			see(steady(nil), 0, 0)
			see(steady(nil), settleTime, 0)
			see(steady(nil), time.Second, time.Second)
			see(steady(nil), time.Second, 2*time.Second)
			see(steady(nil), time.Hour, listAge)
			see(steady(change), 0, 0)
			see(steady(nil), 0, 0) // and back, or an older response
			see(steady(nil), settleTime+5*time.Second, 5*time.Second)
			s.forget("clu", "other")
			s.forget("other", "")
			see(steady(nil), time.Second, 6*time.Second)
			for _, written := range []target{{"clu", "www"}, {"clu", ""}, {}} {
				s.forget(written.cluster, written.service)
				see(steady(nil), time.Second, 0)
				see(steady(nil), settleTime+time.Second, time.Second)
			}
		})
	}
}

func TestAServiceThatECSWorksOnIsListedInEveryRead(t *testing.T) {
	for name, change := range map[string]func(*awsecs.Service){
		"tasks are missing":            func(s *awsecs.Service) { s.RunningCount = aws.Int64(1) },
		"more run than are wanted":     func(s *awsecs.Service) { s.RunningCount = aws.Int64(3) },
		"a pending task":               func(s *awsecs.Service) { s.PendingCount = aws.Int64(1) },
		"two deployments":              func(s *awsecs.Service) { s.Deployments = append(s.Deployments, s.Deployments[0]) },
		"no deployment":                func(s *awsecs.Service) { s.Deployments = nil },
		"a deployment in progress":     func(s *awsecs.Service) { s.Deployments[0].RolloutState = aws.String("IN_PROGRESS") },
		"a deployment that has failed": func(s *awsecs.Service) { s.Deployments[0].RolloutState = aws.String("FAILED") },
		"it drains":                    func(s *awsecs.Service) { s.Status = aws.String("DRAINING") },
		"another one deploys it": func(s *awsecs.Service) {
			s.DeploymentController = &awsecs.DeploymentController{Type: aws.String(awsecs.DeploymentControllerTypeCodeDeploy)}
		},
	} {
		s, now := newLastSeen(), time.Date(2026, 11, 27, 1, 0, 0, 0, time.UTC)
		for range 3 {
			if got := s.see(target{"clu", "www"}, steady(change), now); got != 0 {
				t.Errorf("%s: a list may be %v old", name, got)
			}
			now = now.Add(time.Hour)
		}
	}
}
