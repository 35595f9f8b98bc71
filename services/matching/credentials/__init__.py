"""Credentials 资质: licences of partners, their numbers sealed, and told before they run out."""
