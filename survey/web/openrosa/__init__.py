"""OpenRosa 1.0 for tablets with ODK Collect or any other client: forms out, fillings in. https://docs.getodk.org/openrosa/"""
