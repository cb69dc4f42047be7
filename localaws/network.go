package localaws

// networkState is the subnets and security groups that a region has.
type networkState struct {
	subnets, securityGroups map[string]bool
}

// The network that every region of every account has from the start.
const (
	SubnetA       = "subnet-0a1b2c3d4e5f60001"
	SubnetB       = "subnet-0a1b2c3d4e5f60002"
	SecurityGroup = "sg-0a1b2c3d4e5f60001"
	KMSKey        = "0a1b2c3d-4e5f-4000-8000-000000000001"
	// Namespace is the private DNS namespace "local"; its id is the one that the project's first manual uses.
	Namespace = "ns-y3uaw6neshhbev3f"
)

func newNetworkState() networkState {
	return networkState{
		subnets:        map[string]bool{SubnetA: true, SubnetB: true},
		securityGroups: map[string]bool{SecurityGroup: true},
	}
}
