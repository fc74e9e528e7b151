"""The walls: headers, hosts, forms of other sites, payloads; generated from the routes wherever that is possible."""
