"""The resource list in the words of Open Referral HSDS 3.0, for directories that speak it. Reading only, by anybody."""
