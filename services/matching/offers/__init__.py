"""Offers 资源: what the neighbourhood has. Offered, held and committed are three numbers, and none is guessed."""
