package config

import "testing"

func TestAllowsTaskRole(t *testing.T) {
	const roles = "arn:aws:iam::123456789012:role/"
	tests := []struct {
		name     string
		patterns []string
		arn      string
		want     bool
	}{
		{"nothing is allowed unless the config says so", nil, roles + "app-www", false},
		{"a role named in full", []string{roles + "app-www"}, roles + "app-www", true},
		{"the whole ARN must match, not its beginning", []string{roles + "app"}, roles + "app-www", false},
		{"a star stands for any characters", []string{roles + "app-*"}, roles + "app-www", true},
		{"a star stands for none, too", []string{roles + "app-*"}, roles + "app-", true},
		{"a star does not cross a slash", []string{roles + "app-*"}, roles + "app-x/admin", false},
		{"a star matches one level of a path", []string{roles + "teams/*/run"}, roles + "teams/web/run", true},
		{"a question mark is one character", []string{roles + "app-?"}, roles + "app-12", false},
		{"any of the patterns will do", []string{roles + "x", roles + "app-*"}, roles + "app-www", true},
		{"another account's role", []string{roles + "app-*"}, "arn:aws:iam::210987654321:role/app-www", false},
		{"another partition's role", []string{roles + "app-*"}, "arn:aws-cn:iam::123456789012:role/app-www", false},
		{"a role's bare name is no ARN", []string{roles + "app-*"}, "app-www", false},
		{"an ARN with a line break", []string{roles + "app-*"}, roles + "app-\nx", false},
		{"an ARN that ends in a line break", []string{roles + "app-*"}, roles + "app-x\n", false},
		{"case counts", []string{roles + "app-*"}, roles + "APP-www", false},
		{"the empty ARN", []string{roles + "*"}, "", false},
		{"a pattern that validation would have refused", []string{roles + "[app"}, roles + "[app", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Account{TaskRoles: tt.patterns}).AllowsTaskRole(tt.arn); got != tt.want {
				t.Errorf("patterns %q allow %q: %t, want %t", tt.patterns, tt.arn, got, tt.want)
			}
		})
	}
}
