"""Who answers for who somebody is."""
