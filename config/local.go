package config

// Local returns the config of -local: one account "local" on a loopback address, whose services run in the given subnets and
// security groups, which the embedded AWS must know. Nothing in it is worth protecting.
func Local(subnets, securityGroups []string) *Config {
	c := &Config{
		ListenAddress: "127.0.0.1:8080",
		Token:         "local",
		Org:           "localdev",
		LogFormat:     "text",
		ShutdownGrace: defaultShutdownGrace,
		Accounts: map[string]Account{"local": {
			Region:         "us-east-1",
			AKID:           "local",
			Secret:         "local",
			DefaultSubnets: subnets,
			DefaultSGs:     securityGroups,
		}},
	}
	c.setDefaults()
	return c
}
